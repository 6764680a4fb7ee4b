/**
 * A training step whose state stays on a device. Two graphs share its buffers: one per variant computes loss, gradients and their sums
 * of squares; one for all updates the state in place. Between them the host sees one small vector, from which it takes the norm, decides
 * whether to update, and computes the constants of the update in float64, as on the CPU.
 */
import * as ort from 'onnxruntime-node';
import { checkState, stateSlots } from '../arena.ts';
import type { TrainHost } from '../compiled-train-step.ts';
import { DeviceMemory } from '../devices/device-memory.ts';
import type { NamedArrays, Signature, StepResult, TrainState } from '../engine.ts';
import { sizeOf } from '../ir/graph.ts';
import { JitError } from '../jit-error.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { clipCoefficient } from '../optimizer/index.ts';
import { partsOf, type StatePart, updateGraph, updateNames, updateScalars } from '../optimizer/update-graph.ts';
import { names, type TracedStep } from '../trace/traced-step.ts';
import { checkStep } from '../train-definition.ts';
import { closeSession, openSession, runSession } from './ort-session.ts';
import type { ExecutorOptions } from './train-executor.ts';

type Tensors = Record<string, ort.Tensor>;

interface Variant {
  session: ort.InferenceSession;
  batch: Signature;
  step: TracedStep;
}

/** What is on the device once it is open. */
interface DeviceState {
  memory: DeviceMemory;
  update: ort.InferenceSession;
  parts: Record<StatePart, Tensors>;
  /** Written by every variant's graph, read by the update. */
  gradients: Tensors;
  /** Gradients of parameters that a variant does not touch. */
  zeros: Tensors;
}

export class DeviceTrainExecutor implements TrainHost {
  private readonly options: ExecutorOptions;
  private readonly variants = new Map<string, Variant>();
  private readonly trained: string[];
  private state: DeviceState | undefined;
  private step = 0;

  constructor(options: ExecutorOptions) {
    this.options = options;
    const trains = new Set(options.layout.trained.map(({ name }) => name));
    this.trained = options.layout.order.filter((name) => trains.has(name));
  }

  async addVariant(name: string, batch: Signature, step: TracedStep): Promise<void> {
    const { device, threads } = this.options;
    const { model, ...rest } = step;
    const session = await openSession(model, { device, threads });
    this.variants.set(name, { session, batch, step: { ...rest, model: new Uint8Array() } });
  }

  async setState(state: TrainState): Promise<void> {
    checkStep(state.step);
    checkState(this.options.layout, state);
    for (const [part, { name }] of stateSlots(this.options.layout)) await this.setArray(part, name, state[part][name]!);
    await this.setStep(state.step);
  }

  async setArray(part: StatePart, name: string, values: Float32Array): Promise<void> {
    const { memory, parts } = await this.open();
    const old = parts[part][name];
    // ONNX Runtime takes no views of shared memory.
    parts[part][name] = await this.upload(name, values.slice());
    if (old) await memory.free([old]);
  }

  async setStep(step: number): Promise<void> {
    this.step = step;
  }

  async getState(): Promise<TrainState> {
    const { memory, parts } = this.needState();
    const copy = async (tensors: Tensors): Promise<Record<string, Float32Array>> => {
      const arrays: Record<string, Float32Array> = {};
      for (const name of this.options.layout.order) {
        if (tensors[name]) arrays[name] = await memory.download(tensors[name]);
      }
      return arrays;
    };
    return { params: await copy(parts.params), m: await copy(parts.m), v: await copy(parts.v), step: this.step };
  }

  async run(name: string, batch: NamedArrays, lr: number): Promise<StepResult> {
    const device = this.needState();
    const { step } = this.variants.get(name)!;
    const gradients = await this.gradientBuffers(step.gradients);
    const outputs = await this.backward(name, batch, gradients);
    const sums = step.hasSumsOfSquares ? (outputs[names.sumsOfSquares]!.data as Float32Array) : [];
    let total = 0;
    for (const sum of sums) total += sum;
    const gradNorm = Math.sqrt(total);
    if (Number.isFinite(gradNorm)) {
      await this.update(device, lr, gradNorm, step.untouched);
      this.step++;
    }
    const metrics = step.metrics.map((metric) => [metric, scalarOf(outputs[names.metric(metric)])]);
    const norms = { gradNorm, ...this.groupNorms(step, sums) };
    return { loss: scalarOf(outputs[names.loss]), ...norms, metrics: Object.fromEntries(metrics) };
  }

  async runAccumulated(): Promise<StepResult> {
    throw new JitError(
      'unsupported',
      `Accumulation: gradients of several micro-batches are summed on the CPU alone, got device ${this.options.device}; ` +
        'use larger batches on the device, or device: "cpu".',
    );
  }

  async gradients(
    name: string,
    batch: NamedArrays,
  ): Promise<{ loss: number; gradients: Record<string, Float32Array> }> {
    this.needState();
    const outputs = await this.backward(name, batch, {});
    const { params } = this.options;
    const gradients = this.trained.map((param) => {
      const gradient = outputs[names.gradient(param)];
      return [param, gradient ? gradient.data : new Float32Array(sizeOf(params[param]!.shape))];
    });
    return { loss: scalarOf(outputs[names.loss]), gradients: Object.fromEntries(gradients) };
  }

  async dispose(): Promise<void> {
    for (const { session } of this.variants.values()) await closeSession(session);
    this.variants.clear();
    if (!this.state) return;
    const { memory, update, parts, gradients, zeros } = this.state;
    this.state = undefined;
    await memory.free([...Object.values(parts), gradients, zeros].flatMap((tensors) => Object.values(tensors)));
    await closeSession(update);
    await memory.close();
  }

  private groupNorms({ gradients }: TracedStep, sums: ArrayLike<number>): Pick<StepResult, 'groupNorms'> {
    const groups = Object.entries(this.options.layout.normGroups);
    if (groups.length === 0) return {};
    const squares = new Map(gradients.map((param, i) => [param, sums[i] ?? 0]));
    const norms = groups.map(([group, slots]) => {
      const total = slots.reduce((sum, { name }) => sum + (squares.get(name) ?? 0), 0);
      return [group, Math.sqrt(total)];
    });
    return { groupNorms: Object.fromEntries(norms) };
  }

  private async open(): Promise<DeviceState> {
    if (this.state) return this.state;
    const { device, threads, params, optimizer } = this.options;
    const memory = await DeviceMemory.open(device);
    // As it is written: ONNX Runtime would remove the copies that keep an operation from writing what it reads.
    const update = await openSession(onnxModel(updateGraph(params, optimizer)), {
      device,
      threads,
      optimisation: 'disabled',
    });
    this.state = { memory, update, parts: { params: {}, m: {}, v: {} }, gradients: {}, zeros: {} };
    return this.state;
  }

  private needState(): DeviceState {
    if (this.state) return this.state;
    throw new JitError('invalid-state', 'The step has no state on the device yet: call setState first.');
  }

  private upload(param: string, data: Float32Array): Promise<ort.Tensor> {
    return this.needState().memory.upload(data, this.options.params[param]!.shape);
  }

  private async gradientBuffers(params: readonly string[]): Promise<Tensors> {
    return this.zeroTensors(this.needState().gradients, params);
  }

  /** Tensors of these parameters' shapes, made of zeros when they are first asked for. */
  private async zeroTensors(kept: Tensors, params: readonly string[]): Promise<Tensors> {
    for (const param of params) {
      kept[param] ??= await this.upload(param, new Float32Array(sizeOf(this.options.params[param]!.shape)));
    }
    return kept;
  }

  /** @param gradients where to write gradients; those that have no buffer here come back as arrays */
  private async backward(
    name: string,
    batch: NamedArrays,
    gradients: Tensors,
  ): Promise<ort.InferenceSession.ReturnType> {
    const { session, batch: signature, step } = this.variants.get(name)!;
    const feeds: Tensors = {};
    for (const [param, tensor] of Object.entries(this.needState().parts.params)) feeds[names.param(param)] = tensor;
    for (const [key, { dtype, shape }] of Object.entries(signature)) {
      feeds[names.batch(key)] = new ort.Tensor(dtype as 'float32', batch[key] as Float32Array, shape);
    }
    const fetches: Record<string, ort.Tensor | null> = { [names.loss]: null };
    for (const metric of step.metrics) fetches[names.metric(metric)] = null;
    for (const param of step.gradients) fetches[names.gradient(param)] = gradients[param] ?? null;
    if (step.hasSumsOfSquares) fetches[names.sumsOfSquares] = null;
    return runSession(session, feeds, fetches);
  }

  private async update(
    { update, parts, gradients, zeros }: DeviceState,
    lr: number,
    gradNorm: number,
    untouched: readonly string[],
  ): Promise<void> {
    if (this.trained.length === 0) return;
    const { optimizer } = this.options;
    const scale = clipCoefficient(gradNorm, optimizer.clipNorm);
    const still = await this.zeroTensors(zeros, untouched);
    const feeds: Tensors = {};
    const fetches: Tensors = {};
    for (const [name, value] of Object.entries(updateScalars(optimizer, lr, this.step, scale))) {
      feeds[name] = new ort.Tensor('float32', Float32Array.of(value), []);
    }
    for (const param of this.trained) {
      feeds[updateNames.gradient(param)] = untouched.includes(param) ? still[param]! : gradients[param]!;
      for (const part of partsOf(optimizer)) {
        feeds[updateNames.state(part, param)] = parts[part][param]!;
        fetches[updateNames.next(part, param)] = parts[part][param]!;
      }
    }
    await runSession(update, feeds, fetches);
  }
}

const scalarOf = (tensor: ort.Tensor | undefined): number => (tensor!.data as Float32Array)[0]!;
