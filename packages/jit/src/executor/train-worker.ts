/** Entry point of the worker thread: holds one `TrainExecutor` and answers calls in the order in which they come. */
import { parentPort, workerData } from 'node:worker_threads';
import { JitError } from '../jit-error.ts';
import { type ExecutorOptions, TrainExecutor } from './train-executor.ts';
import type { WorkerCall, WorkerReply } from './worker-protocol.ts';

const port = parentPort!;
const executor = new TrainExecutor(workerData as ExecutorOptions);
let last: Promise<void> = Promise.resolve();

port.on('message', (call: WorkerCall) => {
  last = last.then(() => answer(call));
});

async function answer({ id, method, args }: WorkerCall): Promise<void> {
  let reply: WorkerReply;
  try {
    const call = executor[method] as (...args: unknown[]) => Promise<unknown>;
    reply = { id, result: await call.apply(executor, args) };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    reply = { id, error: { code: error instanceof JitError ? error.code : 'runtime', message, stack } };
  }
  port.postMessage(reply, 'result' in reply ? buffersOf(reply.result) : []);
  if (method === 'dispose') port.close();
}

/** Results are copies made for the caller, so that their memory may move to it. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (result instanceof Float32Array) return [result.buffer as ArrayBuffer];
  return result !== null && typeof result === 'object' ? Object.values(result).flatMap(buffersOf) : [];
}
