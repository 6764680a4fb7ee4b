import * as ort from 'onnxruntime-node';
import type { Device, NamedArrays, Signature } from '../engine.ts';
import { checkArrays } from '../signature-check.ts';
import { closeSession, openSession, runSession } from './ort-session.ts';

/** A traced function as a worker can take it: plain data. */
export interface ForwardModel {
  model: Uint8Array;
  /** All inputs of the graph, state included. */
  inputs: Signature;
  outputs: Signature;
  state: Record<string, { data: Float32Array | Int32Array; next: string }>;
  threads: number;
  device: Device;
}

/** One part of the state: what the next call reads, and where it writes. They change places after every call. */
interface StateSlot {
  next: string;
  current: ort.Tensor;
  spare: ort.Tensor;
}

/** A function's graph, ready to run, with the state that it keeps. It knows nothing of tfjs, so that it can live in a worker. */
export class ForwardExecutor {
  private readonly session: ort.InferenceSession;
  private readonly inputs: Signature;
  private readonly outputs: readonly string[];
  private readonly stateSpecs: Signature;
  private readonly slots = new Map<string, StateSlot>();

  private constructor(session: ort.InferenceSession, { inputs, outputs, state }: ForwardModel) {
    this.session = session;
    for (const [name, { data, next }] of Object.entries(state)) {
      const { dtype, shape } = inputs[name]!;
      const tensor = (values: Float32Array | Int32Array) =>
        new ort.Tensor(dtype as 'float32', values as Float32Array, shape);
      this.slots.set(name, { next, current: tensor(data.slice()), spare: tensor(data.slice()) });
    }
    this.stateSpecs = Object.fromEntries(Object.keys(state).map((name) => [name, inputs[name]!]));
    this.inputs = Object.fromEntries(Object.entries(inputs).filter(([name]) => !this.slots.has(name)));
    const kept = new Set([...this.slots.values()].map(({ next }) => next));
    this.outputs = Object.keys(outputs).filter((name) => !kept.has(name));
  }

  /** @throws {JitError} `runtime` when ONNX Runtime refuses the graph */
  static async open(options: ForwardModel): Promise<ForwardExecutor> {
    return new ForwardExecutor(await openSession(options.model, options), options);
  }

  async run(arrays: NamedArrays): Promise<NamedArrays> {
    checkArrays('inputs', this.inputs, arrays);
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, { dtype, shape }] of Object.entries(this.inputs)) {
      feeds[name] = new ort.Tensor(dtype as 'float32', arrays[name] as Float32Array, shape);
    }
    const fetches: Record<string, ort.Tensor | null> = Object.fromEntries(this.outputs.map((name) => [name, null]));
    for (const [name, { next, current, spare }] of this.slots) {
      feeds[name] = current;
      fetches[next] = spare;
    }
    const results = await runSession(this.session, feeds, fetches);
    for (const slot of this.slots.values()) [slot.current, slot.spare] = [slot.spare, slot.current];
    return Object.fromEntries(this.outputs.map((name) => [name, results[name]!.data as Float32Array | Int32Array]));
  }

  async getState(): Promise<NamedArrays> {
    const values = [...this.slots].map(([name, { current }]) => [name, (current.data as Float32Array).slice()]);
    return Object.fromEntries(values);
  }

  /** @throws {JitError} `invalid-state` unless every part is there, with its size; then nothing has changed */
  async setState(state: NamedArrays): Promise<void> {
    checkArrays('state', this.stateSpecs, state, 'invalid-state');
    for (const [name, { current }] of this.slots) (current.data as Float32Array).set(state[name] as Float32Array);
  }

  async dispose(): Promise<void> {
    await closeSession(this.session);
  }
}
