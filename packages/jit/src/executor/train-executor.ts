/**
 * The half of a compiled training step that holds the state and runs it; it knows nothing of tfjs, so that it can live in a worker.
 * Parameters, gradients and moments lie in one WebAssembly memory that ONNX Runtime reads and writes without copies.
 */
import * as ort from 'onnxruntime-node';
import { Arena, type ArenaLayout } from '../arena.ts';
import type { Device, MicroBatch, NamedArrays, Signature, StepResult, TrainState } from '../engine.ts';
import { accumulateGradients, type PassResult } from '../gradient-accumulation.ts';
import { sizeOf } from '../ir/graph.ts';
import { type KernelMemory, type OptimizerKernels, optimizerKernels } from '../optimizer/index.ts';
import type { OptimizerPlan } from '../optimizer/optimizer-plan.ts';
import type { StatePart } from '../optimizer/update-graph.ts';
import { updateState } from '../optimizer-step.ts';
import { zeroInput } from '../passes/hide-shapes.ts';
import { names, type TracedStep } from '../trace/traced-step.ts';
import { checkStep } from '../train-definition.ts';
import { closeSession, openSession, runInPlace } from './ort-session.ts';

export interface ExecutorOptions {
  layout: ArenaLayout;
  params: Signature;
  optimizer: OptimizerPlan;
  threads: number;
  device: Device;
}

interface Variant {
  session: ort.InferenceSession;
  batch: Signature;
  step: TracedStep;
  /** Parts of parameters that the model reads as inputs of their own. */
  paramParts: Record<string, ort.Tensor>;
  fetches: Record<string, ort.Tensor>;
  loss: Float32Array;
  metrics: Record<string, Float32Array>;
}

const PAGE = 65536;
const zero = new ort.Tensor('int64', new BigInt64Array(1), [1]);

export class TrainExecutor {
  private readonly options: ExecutorOptions;
  private readonly arena: Arena;
  private readonly kernels: OptimizerKernels;
  private readonly variants = new Map<string, Variant>();
  private readonly params: Record<string, ort.Tensor> = {};
  private step = 0;

  constructor(options: ExecutorOptions) {
    this.options = options;
    const memory = createMemory(options.layout.bytes);
    this.arena = new Arena(options.layout, memory.buffer);
    this.kernels = optimizerKernels(memory);
    // Pages are made here, while the caller's thread reads and traces, and not in the first step.
    this.arena.gradientRegion.fill(0);
    for (const [name, view] of Object.entries(this.arena.params)) {
      this.params[name] = new ort.Tensor('float32', view, options.params[name]!.shape);
    }
  }

  async addVariant(name: string, batch: Signature, step: TracedStep): Promise<void> {
    const session = await openSession(step.model, this.options);
    const loss = new Float32Array(1);
    const fetches: Record<string, ort.Tensor> = { [names.loss]: new ort.Tensor('float32', loss, []) };
    const metrics: Record<string, Float32Array> = {};
    for (const metric of step.metrics) {
      metrics[metric] = new Float32Array(1);
      fetches[names.metric(metric)] = new ort.Tensor('float32', metrics[metric], []);
    }
    const paramParts: Record<string, ort.Tensor> = {};
    const inParts = new Set<string>();
    for (const [part, { of, offset, shape }] of Object.entries(step.parts)) {
      const param = names.stateOf(of);
      const isGradient = of === names.gradient(param);
      const whole = (isGradient ? this.arena.gradients : this.arena.params)[param]!;
      const view = whole.subarray(offset, offset + sizeOf(shape));
      (isGradient ? fetches : paramParts)[part] = new ort.Tensor('float32', view, shape);
      inParts.add(of);
    }
    for (const param of step.gradients.filter((param) => !inParts.has(names.gradient(param)))) {
      const { shape } = this.options.params[param]!;
      fetches[names.gradient(param)] = new ort.Tensor('float32', this.arena.gradients[param]!, shape);
    }
    const traced = { ...step, model: new Uint8Array() };
    this.variants.set(name, { session, batch, step: traced, paramParts, fetches, loss, metrics });
  }

  async setState(state: TrainState): Promise<void> {
    checkStep(state.step);
    this.arena.load(state);
    this.step = state.step;
  }

  async setArray(part: StatePart, name: string, values: Float32Array): Promise<void> {
    this.arena[part][name]!.set(values);
  }

  async setStep(step: number): Promise<void> {
    this.step = step;
  }

  async getState(): Promise<TrainState> {
    return { ...this.arena.copy(), step: this.step };
  }

  async run(name: string, batch: NamedArrays, lr: number): Promise<StepResult> {
    return this.update(await this.pass(name, batch), lr);
  }

  /** @param shares two or more, see `sharesOf` */
  async runAccumulated(shares: readonly MicroBatch[], lr: number): Promise<StepResult> {
    const passes = await accumulateGradients(this.arena, shares, ({ variant, batch }) => this.pass(variant, batch));
    return this.update(passes, lr);
  }

  async gradients(
    name: string,
    batch: NamedArrays,
  ): Promise<{ loss: number; gradients: Record<string, Float32Array> }> {
    const { loss } = await this.backward(name, batch);
    return { loss: loss[0]!, gradients: this.arena.copyGradients() };
  }

  async dispose(): Promise<void> {
    for (const { session } of this.variants.values()) await closeSession(session);
    this.variants.clear();
  }

  private update({ loss, metrics }: PassResult, lr: number): StepResult {
    const { step, ...norms } = updateState(this.arena, this.kernels, this.options.optimizer, lr, this.step);
    this.step = step;
    return { loss, ...norms, metrics };
  }

  private async pass(name: string, batch: NamedArrays): Promise<PassResult> {
    const { loss, metrics } = await this.backward(name, batch);
    const values = Object.entries(metrics).map(([metric, value]) => [metric, value[0]!]);
    return { loss: loss[0]!, metrics: Object.fromEntries(values) };
  }

  /** Fills the gradients of the arena. */
  private async backward(name: string, batch: NamedArrays): Promise<Variant> {
    const variant = this.variants.get(name)!;
    const feeds: Record<string, ort.Tensor> = { ...variant.paramParts, [zeroInput]: zero };
    for (const [param, tensor] of Object.entries(this.params)) feeds[names.param(param)] = tensor;
    for (const [key, { dtype, shape }] of Object.entries(variant.batch)) {
      feeds[names.batch(key)] = new ort.Tensor(dtype as 'float32', batch[key] as Float32Array, shape);
    }
    await runInPlace(variant.session, feeds, variant.fetches);
    for (const param of variant.step.untouched) this.arena.gradients[param]!.fill(0);
    return variant;
  }
}

/** A plain memory, not a shared one: ONNX Runtime refuses views of a SharedArrayBuffer. It never grows, so views stay valid. */
function createMemory(bytes: number): KernelMemory {
  const pages = Math.max(1, Math.ceil(bytes / PAGE));
  // The ES library declares no WebAssembly types.
  const { Memory } = (
    globalThis as unknown as {
      WebAssembly: { Memory: new (options: { initial: number; maximum: number }) => KernelMemory };
    }
  ).WebAssembly;
  return new Memory({ initial: pages, maximum: pages });
}
