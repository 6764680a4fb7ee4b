import type { TrainHost } from '../compiled-train-step.ts';
import type { ExecutorOptions, TrainExecutor } from './train-executor.ts';
import { WorkerClient } from './worker-client.ts';

type Method = Exclude<keyof TrainHost, 'dispose'>;

/** A `TrainExecutor` in a worker thread. */
export class RemoteExecutor implements TrainHost {
  private readonly client: WorkerClient;

  constructor(options: ExecutorOptions) {
    this.client = new WorkerClient({ role: 'train', options });
  }

  addVariant: TrainHost['addVariant'] = (...args) => this.call('addVariant', args);
  setState: TrainHost['setState'] = (...args) => this.call('setState', args);
  getState: TrainHost['getState'] = (...args) => this.call('getState', args);
  run: TrainHost['run'] = (...args) => this.call('run', args);
  runAccumulated: TrainHost['runAccumulated'] = (...args) => this.call('runAccumulated', args);
  gradients: TrainHost['gradients'] = (...args) => this.call('gradients', args);
  dispose: TrainHost['dispose'] = () => this.client.close();

  private call<M extends Method>(method: M, args: unknown[]): ReturnType<TrainExecutor[M]> {
    return this.client.call(method, args) as ReturnType<TrainExecutor[M]>;
  }
}
