/** Entry point of a worker thread: holds what its role names and answers calls of its methods in the order in which they come. */
import { parentPort, workerData } from 'node:worker_threads';
import { JitError } from '../jit-error.ts';
import { ForwardHost } from './forward-host.ts';
import { openTrainExecutor } from './open-train-executor.ts';
import type { WorkerCall, WorkerReply, WorkerRole } from './worker-protocol.ts';

const port = parentPort!;
const role = workerData as WorkerRole;
const held = role.role === 'train' ? openTrainExecutor(role.options) : new ForwardHost();
const methods = held as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
let last: Promise<void> = Promise.resolve();

port.on('message', (call: WorkerCall) => {
  last = last.then(() => answer(call));
});

async function answer({ id, method, args }: WorkerCall): Promise<void> {
  let reply: WorkerReply;
  try {
    reply = { id, result: await methods[method]!(...args) };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    reply = { id, error: { code: error instanceof JitError ? error.code : 'runtime', message, stack } };
  }
  port.postMessage(reply, 'result' in reply ? buffersOf(reply.result) : []);
  if (method === 'dispose') port.close();
}

/** Results are copies made for the caller, so that their memory may move to it. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (result instanceof Float32Array || result instanceof Int32Array) return [result.buffer as ArrayBuffer];
  return result !== null && typeof result === 'object' ? Object.values(result).flatMap(buffersOf) : [];
}
