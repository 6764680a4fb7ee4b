import type { NamedArrays } from '../engine.ts';
import type { ForwardModel } from './forward-executor.ts';
import { WorkerClient } from './worker-client.ts';

/** What runs a traced function: here (`ForwardExecutor`) or in a worker. */
export interface ForwardRunner {
  run(arrays: NamedArrays): Promise<NamedArrays>;
  getState(): Promise<NamedArrays>;
  setState(state: NamedArrays): Promise<void>;
  dispose(): Promise<void>;
}

/** The worker of one engine for the functions that run off the caller's thread; it starts with the first and ends with the last. */
export class ForwardWorker {
  private client: WorkerClient | undefined;
  private users = 0;

  async open(model: ForwardModel): Promise<ForwardRunner> {
    this.users++;
    this.client ??= new WorkerClient({ role: 'forward' });
    const client = this.client;
    const key = await client.call('add', [model]).catch(async (error: unknown) => {
      await this.leave();
      throw error;
    });
    return {
      run: (arrays) => client.call('run', [key, arrays]) as Promise<NamedArrays>,
      getState: () => client.call('getState', [key]) as Promise<NamedArrays>,
      setState: (state) => client.call('setState', [key, state]) as Promise<void>,
      dispose: async () => {
        await client.call('remove', [key]).finally(() => this.leave());
      },
    };
  }

  private async leave(): Promise<void> {
    if (--this.users > 0) return;
    const { client } = this;
    this.client = undefined;
    await client?.close();
  }
}
