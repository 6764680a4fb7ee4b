import { checkState, stateSlots } from '../arena.ts';
import type { TrainHost } from '../compiled-train-step.ts';
import type { TrainState } from '../engine.ts';
import { checkStep } from '../train-definition.ts';
import type { ExecutorOptions, TrainExecutor } from './train-executor.ts';
import { WorkerClient } from './worker-client.ts';

type Method = Exclude<keyof TrainHost, 'dispose' | 'setState'>;

/** A `TrainExecutor` in a worker thread. */
export class RemoteExecutor implements TrainHost {
  private readonly client: WorkerClient;
  private readonly options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.options = options;
    this.client = new WorkerClient({ role: 'train', options });
  }

  addVariant: TrainHost['addVariant'] = (...args) => this.call('addVariant', args);
  getState: TrainHost['getState'] = (...args) => this.call('getState', args);
  run: TrainHost['run'] = (...args) => this.call('run', args);
  runAccumulated: TrainHost['runAccumulated'] = (...args) => this.call('runAccumulated', args);
  gradients: TrainHost['gradients'] = (...args) => this.call('gradients', args);
  dispose: TrainHost['dispose'] = () => this.client.close();

  /** Array by array through one block of shared memory: a message would hold the whole state twice more. */
  async setState(state: TrainState): Promise<void> {
    const { layout } = this.options;
    checkStep(state.step);
    checkState(layout, state);
    const slots = stateSlots(layout);
    const longest = Math.max(0, ...slots.map(([, { length }]) => length));
    const block = new Float32Array(new SharedArrayBuffer(4 * longest));
    for (const [part, { name, length }] of slots) {
      const values = block.subarray(0, length);
      values.set(state[part][name]!);
      await this.client.call('setArray', [part, name, values]);
    }
    await this.client.call('setStep', [state.step]);
  }

  private call<M extends Method>(method: M, args: unknown[]): ReturnType<TrainExecutor[M]> {
    return this.client.call(method, args) as ReturnType<TrainExecutor[M]>;
  }
}
