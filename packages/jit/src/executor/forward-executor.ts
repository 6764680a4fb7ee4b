import * as ort from 'onnxruntime-node';
import { CallQueue } from '../call-queue.ts';
import type { Forward, NamedArrays, Signature } from '../engine.ts';
import { checkArrays } from '../signature-check.ts';
import { openSession, runSession } from './ort-session.ts';

/** A forward graph with its weights inside, ready to run. */
export class ForwardExecutor implements Forward {
  private readonly session: ort.InferenceSession;
  private readonly inputs: Signature;
  private readonly outputs: Signature;
  private readonly queue = new CallQueue('The forward function');

  private constructor(session: ort.InferenceSession, inputs: Signature, outputs: Signature) {
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  static async open(
    model: Uint8Array,
    inputs: Signature,
    outputs: Signature,
    threads: number,
  ): Promise<ForwardExecutor> {
    return new ForwardExecutor(await openSession(model, threads), inputs, outputs);
  }

  run(arrays: NamedArrays): Promise<NamedArrays> {
    return this.queue.add(async () => {
      checkArrays('inputs', this.inputs, arrays);
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, { dtype, shape }] of Object.entries(this.inputs)) {
        feeds[name] = new ort.Tensor(dtype as 'float32', arrays[name] as Float32Array, shape);
      }
      const fetches = Object.fromEntries(Object.keys(this.outputs).map((name) => [name, null]));
      const results = await runSession(this.session, feeds, fetches);
      return Object.fromEntries(
        Object.keys(this.outputs).map((name) => [name, results[name]!.data as Float32Array | Int32Array]),
      );
    });
  }

  dispose(): Promise<void> {
    return this.queue.close(() => this.session.release());
  }
}
