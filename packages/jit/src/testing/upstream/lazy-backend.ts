/**
 * A tfjs backend that traces like the compiler and computes like the engine: kernels append to a graph, and reading a tensor cuts out what
 * it depends on, optimises it, writes it as ONNX and runs it. tfjs's own tests, which read eagerly, can drive the lowerings with it.
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { ABSENT, type Graph, type IrDType } from '../../ir/graph.ts';
import { GraphBuilder } from '../../ir/graph-builder.ts';
import { onnxModel } from '../../onnx/onnx-model.ts';
import { optimise } from '../../passes/optimise.ts';
import { irDType } from '../../trace/lowering.ts';
import { registerKernels, unregisterKernels } from '../../trace/register-kernels.ts';
import { TraceBackend } from '../../trace/trace-backend.ts';

type Data = Float32Array | Int32Array | Uint8Array;
interface NativeSession {
  loadModel(bytes: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(feeds: object, fetches: object, options: object): Record<string, ort.Tensor>;
  dispose(): void;
}

// `InferenceSession` of onnxruntime-node is asynchronous; the native one beneath it is not, and `dataSync` cannot wait.
const { binding, initOrt } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as {
  binding: { InferenceSession: new () => NativeSession };
  initOrt(): void;
};

export const LAZY_BACKEND = 'vlm-lazy';

export class LazyBackend extends TraceBackend {
  private readonly graph: Graph;
  private readonly feeds = new Map<number, Data>();
  private readonly results = new Map<number, Data>();

  constructor(builder: GraphBuilder) {
    super(builder, 'constants');
    this.graph = builder.graph;
  }

  /** Data enters as an input of the graph, so that nothing is computed at compile time. */
  protected override constantOf(values: unknown, shape: readonly number[], dtype: string): number {
    const type = irDType(dtype);
    const value = this.builder.input(`x${this.graph.inputs.length}`, { shape, dtype: type });
    const data = values as ArrayLike<number>;
    this.feeds.set(value, arrayOf(type, data));
    return value;
  }

  override readSync(dataId: object): Data {
    const value = this.boundTo(dataId)!;
    const known = this.feeds.get(value) ?? this.results.get(value);
    if (known) return known.slice();
    const result = this.compute(value);
    this.results.set(value, result);
    return result.slice();
  }

  override read(dataId: object): Promise<Data> {
    return new Promise((resolve) => resolve(this.readSync(dataId)));
  }

  private compute(value: number): Data {
    const graph: Graph = {
      values: [...this.graph.values],
      constants: new Map(this.graph.constants),
      inputs: [...this.graph.inputs],
      nodes: this.graph.nodes.map((node) => ({
        ...node,
        inputs: [...node.inputs],
        outputs: [...node.outputs],
        attributes: { ...node.attributes },
      })),
      outputs: [{ name: 'y', value }],
    };
    const { shape, dtype } = graph.values[value]!;
    optimise(graph);
    const used = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ABSENT]);
    graph.inputs = graph.inputs.filter((input) => used.has(input.value));
    const model = onnxModel(graph);
    initOrt();
    const session = new binding.InferenceSession();
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    try {
      const feeds = Object.fromEntries(
        graph.inputs.map(({ name, value: input }) => {
          const info = graph.values[input]!;
          return [name, new ort.Tensor(info.dtype as 'float32', this.feeds.get(input)! as Float32Array, info.shape)];
        }),
      );
      const { y } = session.run(feeds, { y: null }, {});
      if (y!.dims.join() !== shape.join() || y!.type !== dtype) {
        throw new Error(`The graph says ${dtype} [${shape}], ONNX Runtime computed ${y!.type} [${y!.dims}].`);
      }
      return y!.data as Data;
    } finally {
      session.dispose();
    }
  }
}

function arrayOf(dtype: IrDType, data: ArrayLike<number>): Data {
  const Data = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  return Data.from(data);
}

/** Makes a fresh lazy backend tfjs's current one. */
export async function useLazyBackend(): Promise<void> {
  const engine = tf.engine();
  engine.reset();
  tf.env().set('PROD', true); // `reset` forgot it, and backends greet on the console without.
  if (engine.backendNames().includes(LAZY_BACKEND)) engine.removeBackend(LAZY_BACKEND);
  unregisterKernels(LAZY_BACKEND);
  const builder = new GraphBuilder();
  const backend = new LazyBackend(builder);
  engine.registerBackend(LAZY_BACKEND, () => backend, 0);
  registerKernels(LAZY_BACKEND, builder, backend);
  await engine.setBackend(LAZY_BACKEND);
}
