import * as tf from '@tensorflow/tfjs-core';
import { loadBackend } from './backends/load-backend.ts';
import { useBackend } from './backends/use-backend.ts';
import { CallQueue } from './call-queue.ts';
import { EagerTrainStep } from './eager-train-step.ts';
import type { Engine, Forward, ForwardFunction, ForwardOptions, NamedArrays, NamedTensors } from './engine.ts';
import { JitError } from './jit-error.ts';
import { checkArrays } from './signature-check.ts';
import { checkForward } from './trace/trace-forward.ts';

export interface TfjsEngineOptions {
  /** A registered tfjs backend, or `cpu` or `tensorflow`, whose packages are loaded if they are installed. Default: the current one. */
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
    const backend = options.backend ?? (tf.getBackend() || undefined);
    if (!backend) {
      throw new JitError(
        'backend-missing',
        "tfjsEngine: no tfjs backend is registered; name one, such as { backend: 'cpu' }.",
      );
    }
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

class EagerForward implements Forward {
  private readonly fn: ForwardFunction;
  private readonly options: ForwardOptions;
  private readonly backend: string;
  private readonly constants: NamedTensors;
  private readonly queue = new CallQueue('The forward function');

  constructor(fn: ForwardFunction, options: ForwardOptions, backend: string) {
    checkForward(options);
    this.fn = fn;
    this.options = options;
    this.backend = backend;
    this.constants = useBackend(backend, () =>
      Object.fromEntries(
        Object.entries(options.constants).map(([name, { spec, data }]) => [
          name,
          tf.keep(tf.tensor(data.slice(), [...spec.shape], spec.dtype)),
        ]),
      ),
    );
  }

  run(arrays: NamedArrays): Promise<NamedArrays> {
    return this.queue.add(async () => {
      const { inputs } = this.options;
      checkArrays('inputs', inputs, arrays);
      return useBackend(this.backend, () => {
        const results: NamedArrays = {};
        tf.tidy(() => {
          const tensors = Object.fromEntries(
            Object.entries(inputs).map(([name, { shape, dtype }]) => [
              name,
              tf.tensor(arrays[name]!, [...shape], dtype),
            ]),
          );
          for (const [name, tensor] of Object.entries(this.fn(this.constants, tensors))) {
            const whole = tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'int32');
            results[name] = whole.dataSync().slice() as Float32Array | Int32Array;
          }
        });
        return results;
      });
    });
  }

  dispose(): Promise<void> {
    return this.queue.close(async () => tf.dispose(Object.values(this.constants)));
  }
}
