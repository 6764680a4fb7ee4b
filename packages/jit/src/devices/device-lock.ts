/**
 * ONNX Runtime keeps one WebGPU device per process and does not guard it against threads: two workers that use it at once end with
 * errors or wrong numbers. All threads of a process therefore take turns, by a lock in memory that threads inherit from the one that
 * starts them.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';

const key = '@vlm/jit device lock';
const FREE = 0;
/** How often a thread looks again. */
const POLL_MS = 0.5;

/** [holder: thread id + 1, or free; threads that wait] */
const lock = new Int32Array(sharedMemory());
const me = threadId + 1;
/** Uses within this thread run one after another. */
let last: Promise<unknown> = Promise.resolve();

/** Runs `use` while no other thread of the process uses the device. */
export function withDevice<T>(use: () => T | Promise<T>): Promise<T> {
  const result = last.then(async () => {
    await acquire();
    try {
      return await use();
    } finally {
      Atomics.store(lock, 0, FREE);
      // Whoever waits looks every now and then: leave it the time to.
      if (Atomics.load(lock, 1) > 0) await wait(2 * POLL_MS);
    }
  });
  last = result.catch(() => undefined);
  return result;
}

/** Frees the lock of a thread that ended while it held it. */
export function releaseDeviceOf(endedThread: number): void {
  Atomics.compareExchange(lock, 0, endedThread + 1, FREE);
}

async function acquire(): Promise<void> {
  if (Atomics.compareExchange(lock, 0, FREE, me) === FREE) return;
  Atomics.add(lock, 1, 1);
  while (Atomics.compareExchange(lock, 0, FREE, me) !== FREE) await wait(POLL_MS);
  Atomics.sub(lock, 1, 1);
}

function sharedMemory(): SharedArrayBuffer {
  const known = getEnvironmentData(key) as unknown;
  if (known instanceof SharedArrayBuffer) return known;
  const made = new SharedArrayBuffer(8);
  setEnvironmentData(key, made as unknown as Parameters<typeof setEnvironmentData>[1]);
  return made;
}
