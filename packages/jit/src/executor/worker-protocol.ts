import type { JitErrorCode } from '../jit-error.ts';
import type { TrainExecutor } from './train-executor.ts';

/** What may be called in the worker. */
export type ExecutorMethod = 'addVariant' | 'setState' | 'getState' | 'run' | 'gradients' | 'dispose';

/** One call, answered by one `WorkerReply` with the same id. */
export interface WorkerCall {
  id: number;
  method: ExecutorMethod;
  args: unknown[];
}

export type WorkerReply =
  | { id: number; result: unknown }
  | { id: number; error: { code: JitErrorCode; message: string; stack: string | undefined } };

export type ResultOf<M extends ExecutorMethod> = Awaited<ReturnType<TrainExecutor[M]>>;
