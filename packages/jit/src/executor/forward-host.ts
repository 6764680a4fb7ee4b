import type { NamedArrays } from '../engine.ts';
import { ForwardExecutor, type ForwardModel } from './forward-executor.ts';

/** The functions that one engine has open, by number; it lives in a worker. */
export class ForwardHost {
  private readonly open = new Map<number, ForwardExecutor>();
  private next = 0;

  async add(model: ForwardModel): Promise<number> {
    const key = this.next++;
    this.open.set(key, await ForwardExecutor.open(model));
    return key;
  }

  run(key: number, arrays: NamedArrays): Promise<NamedArrays> {
    return this.open.get(key)!.run(arrays);
  }

  getState(key: number): Promise<NamedArrays> {
    return this.open.get(key)!.getState();
  }

  setState(key: number, state: NamedArrays): Promise<void> {
    return this.open.get(key)!.setState(state);
  }

  async remove(key: number): Promise<void> {
    const executor = this.open.get(key)!;
    this.open.delete(key);
    await executor.dispose();
  }

  async dispose(): Promise<void> {
    for (const key of [...this.open.keys()]) await this.remove(key);
  }
}
