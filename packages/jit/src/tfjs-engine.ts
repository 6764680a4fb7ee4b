import * as tf from '@tensorflow/tfjs-core';
import { loadBackend } from './backends/load-backend.ts';
import { useBackend } from './backends/use-backend.ts';
import { CallQueue } from './call-queue.ts';
import { EagerTrainStep } from './eager-train-step.ts';
import type {
  Engine,
  Forward,
  ForwardFunction,
  ForwardOptions,
  NamedArrays,
  NamedTensors,
  Signature,
  TensorSpec,
} from './engine.ts';
import { JitError } from './jit-error.ts';
import { checkArrays, copyArrays } from './signature-check.ts';
import { checkForward, checkNextState } from './trace/trace-forward.ts';

export interface TfjsEngineOptions {
  /**
   * A registered tfjs backend, or `cpu` or `tensorflow` (tfjs-node-gpu, then tfjs-node), whose packages are loaded if they are installed.
   * Default: the current backend, or the preferred one of those registered; where there is none, `tensorflow`.
   */
  backend?: string;
}

/**
 * The engine that runs every operation at once, on any tfjs backend: the reference for the compiled one, and the way to
 * `@tensorflow/tfjs-node-gpu`.
 * @throws {JitError} from its methods: `backend-missing`
 * @example
 * const step = await tfjsEngine({ backend: 'cpu' }).compileTrainStep(definition);
 */
export function tfjsEngine(options: TfjsEngineOptions = {}): Engine {
  const open = async (): Promise<string> => {
    const backend = options.backend ?? registeredBackend() ?? 'tensorflow';
    loadBackend(backend);
    const current = tf.getBackend();
    if (!(await tf.setBackend(backend)))
      throw new JitError('backend-missing', `The tfjs backend ${backend} does not start.`);
    if (current && current !== backend) await tf.setBackend(current);
    return backend;
  };
  return {
    name: 'tfjs',
    async compileTrainStep(definition) {
      return new EagerTrainStep(definition, await open());
    },
    async compileForward(fn, forwardOptions) {
      return new EagerForward(fn, forwardOptions, await open());
    },
  };
}

/** The current backend, or the one that tfjs would start first. */
function registeredBackend(): string | undefined {
  const engine = tf.engine();
  const priority = (name: string): number => engine.registryFactory[name]!.priority;
  return tf.getBackend() || engine.backendNames().sort((a, b) => priority(b) - priority(a))[0];
}

class EagerForward implements Forward {
  private readonly fn: ForwardFunction;
  private readonly options: ForwardOptions;
  private readonly backend: string;
  private readonly constants: NamedTensors;
  private readonly state: NamedTensors;
  private readonly queue = new CallQueue('The function');

  constructor(fn: ForwardFunction, options: ForwardOptions, backend: string) {
    checkForward(options);
    this.fn = fn;
    this.options = options;
    this.backend = backend;
    const { constants, inputs, state = {} } = options;
    this.constants = this.kept(Object.entries(constants).map(([name, { spec, data }]) => [name, spec, data]));
    this.state = this.kept(Object.entries(state).map(([name, { data }]) => [name, inputs[name]!, data]));
  }

  async run(given: NamedArrays): Promise<NamedArrays> {
    const arrays = copyArrays('inputs', given);
    return this.queue.add(async () => {
      const { inputs, state = {} } = this.options;
      const specs = Object.fromEntries(Object.entries(inputs).filter(([name]) => !(name in state)));
      checkArrays('inputs', specs, arrays);
      return useBackend(this.backend, () => {
        const results: NamedArrays = {};
        tf.tidy(() => {
          const tensors = Object.fromEntries(
            Object.entries(specs).map(([name, { shape, dtype }]) => [
              name,
              tf.tensor(arrays[name]!, [...shape], dtype),
            ]),
          );
          const returned = Object.entries(this.fn(this.constants, { ...tensors, ...this.state }));
          const outputs = Object.fromEntries(returned.map(([name, tensor]) => [name, withoutBooleans(tensor)]));
          this.checkNext(outputs);
          const kept = new Set(Object.values(state).map(({ next }) => next));
          for (const [name, tensor] of Object.entries(outputs)) {
            if (kept.has(name)) continue;
            results[name] = tensor.dataSync().slice() as Float32Array | Int32Array;
          }
          // Outputs may be parts of the old state: it goes when everything has been read.
          const fresh = Object.entries(state).map(
            ([name, { next }]) => [name, tf.keep(tf.clone(outputs[next]!))] as const,
          );
          for (const [name, tensor] of fresh) this.replace(name, tensor);
        });
        return results;
      });
    });
  }

  getState(): Promise<NamedArrays> {
    return this.queue.add(async () => {
      const read = async ([name, tensor]: [string, tf.Tensor]) => [name, (await tensor.data()).slice()];
      return Object.fromEntries(await Promise.all(Object.entries(this.state).map(read)));
    });
  }

  async setState(given: NamedArrays): Promise<void> {
    const state = copyArrays('state', given, 'invalid-state');
    return this.queue.add(async () => {
      const specs = Object.fromEntries(Object.keys(this.state).map((name) => [name, this.options.inputs[name]!]));
      checkArrays('state', specs, state, 'invalid-state');
      const fresh = this.kept(Object.entries(specs).map(([name, spec]) => [name, spec, state[name]!]));
      for (const [name, tensor] of Object.entries(fresh)) this.replace(name, tensor);
    });
  }

  private checkNext(outputs: NamedTensors): void {
    const specs = Object.values(this.options.state ?? {}).flatMap(({ next }) => {
      const tensor = outputs[next];
      return tensor ? [[next, { shape: tensor.shape, dtype: tensor.dtype }] as const] : [];
    });
    checkNextState(this.options, Object.fromEntries(specs) as Signature);
  }

  private replace(name: string, tensor: tf.Tensor): void {
    this.state[name]!.dispose();
    this.state[name] = tensor;
  }

  private kept(entries: [name: string, spec: TensorSpec, data: Float32Array | Int32Array][]): NamedTensors {
    return useBackend(this.backend, () =>
      Object.fromEntries(
        entries.map(([name, { shape, dtype }, data]) => [name, tf.keep(tf.tensor(data.slice(), [...shape], dtype))]),
      ),
    );
  }

  dispose(): Promise<void> {
    return this.queue.close(async () => tf.dispose([...Object.values(this.constants), ...Object.values(this.state)]));
  }
}

const withoutBooleans = (tensor: tf.Tensor): tf.Tensor =>
  tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'int32');
