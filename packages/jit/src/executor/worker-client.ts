import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { releaseDeviceOf } from '../devices/device-lock.ts';
import { JitError } from '../jit-error.ts';
import type { WorkerReply, WorkerRole } from './worker-protocol.ts';

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: JitError) => void;
}

/**
 * The caller's end of a worker thread. Arrays are copied on their way in. A worker that dies rejects the calls under way and every later
 * one. An idle worker does not keep the process alive.
 */
export class WorkerClient {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private nextId = 0;
  private death: JitError | undefined;
  private closing = false;

  constructor(role: WorkerRole) {
    this.worker = startWorker(role);
    this.worker.on('message', (reply: WorkerReply) => this.settle(reply));
    this.worker.on('error', (cause) => this.die(cause));
    const { threadId } = this.worker;
    this.worker.on('exit', (code) => {
      releaseDeviceOf(threadId);
      this.die(new Error(`exit code ${code}`));
    });
    this.worker.unref();
  }

  /** @throws {JitError} what the method throws, or `worker-died` */
  call(method: string, args: unknown[]): Promise<unknown> {
    if (this.death) return Promise.reject(this.death);
    const id = this.nextId++;
    return new Promise<unknown>((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ id, method, args });
    });
  }

  /** Lets the worker free what it holds, then ends it. */
  async close(): Promise<void> {
    if (this.death) return;
    this.closing = true;
    await this.call('dispose', []);
    await this.worker.terminate();
  }

  private settle(reply: WorkerReply): void {
    const { resolve, reject } = this.pending.get(reply.id)!;
    this.pending.delete(reply.id);
    if (this.pending.size === 0) this.worker.unref();
    if ('result' in reply) {
      resolve(reply.result);
      return;
    }
    const { code, message, stack } = reply.error;
    const cause = Object.assign(new Error(message), { stack });
    reject(new JitError(code, message, { cause }));
  }

  private die(cause: Error): void {
    if (this.death || (this.closing && this.pending.size === 0)) return;
    this.death = new JitError(
      'worker-died',
      `The worker that trains has ended: ${cause.message}. Its state is lost; compile again and set the last saved state.`,
      { cause },
    );
    for (const { reject } of this.pending.values()) reject(this.death);
    this.pending.clear();
  }
}

/** From `dist` the worker is JavaScript; from `src` (tests, development) tsx compiles it, which Node 20 cannot do by itself. */
function startWorker(workerData: WorkerRole): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const url = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);
  if (!isSource) return new Worker(url, { workerData });
  // `require` finds tsx's CommonJS twin, which cannot register inside a thread; the ES module lies beside it.
  const tsx = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const [loader, entry] = [pathToFileURL(tsx), url].map(({ href }) => JSON.stringify(href));
  const start = `import(${loader}).then(({ register }) => (register(), import(${entry})));`;
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@vlm/source'] });
}
