import type { JitErrorCode } from '../jit-error.ts';
import type { ExecutorOptions } from './train-executor.ts';

/** What a worker is started with: it holds one `TrainExecutor`, or one `ForwardHost`. */
export type WorkerRole = { role: 'train'; options: ExecutorOptions } | { role: 'forward' };

/** One call of a method of what the worker holds, answered by one `WorkerReply` with the same id. */
export interface WorkerCall {
  id: number;
  method: string;
  args: unknown[];
}

export type WorkerReply =
  | { id: number; result: unknown }
  | { id: number; error: { code: JitErrorCode; message: string; stack: string | undefined } };
