import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { CorpusError, type CorpusErrorCode } from './errors.ts';
import { type Unit, type UnitResult, UnitRunner } from './units.ts';
import type { WorldData } from './world.ts';

/** Does units in the order they are given, on threads or in this one. */
export interface Pool {
  run(unit: Unit): Promise<UnitResult>;
  close(): Promise<void>;
}

/** @param threads 0 works in the calling thread */
export function openPool(threads: number, world: WorldData): Pool {
  return threads === 0 ? inlinePool(world) : workerPool(threads, world);
}

function inlinePool(world: WorldData): Pool {
  const runner = new UnitRunner(world);
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(unit) {
      // One after the other: units in parallel on one thread would only hold more memory.
      const next = last.then(() => runner.run(unit));
      last = next.catch(() => undefined);
      return next;
    },
    close: async () => undefined,
  };
}

interface Job {
  id: number;
  unit: Unit;
  resolve(result: UnitResult): void;
  reject(error: unknown): void;
}

interface Reply {
  id: number;
  result?: UnitResult;
  error?: { code?: CorpusErrorCode; message: string };
}

function workerPool(threads: number, world: WorldData): Pool {
  const queue: Job[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Job>();
  let [nextId, closed] = [0, false];
  let broken: CorpusError | undefined;

  const feed = (): void => {
    while (idle.length > 0 && queue.length > 0) {
      const worker = idle.pop()!;
      const job = queue.shift()!;
      busy.set(worker, job);
      worker.postMessage({ id: job.id, unit: job.unit });
    }
  };
  const fail = (error: CorpusError): void => {
    broken ??= error;
    for (const job of [...busy.values(), ...queue.splice(0)]) job.reject(broken);
    busy.clear();
  };
  const workers = Array.from({ length: threads }, () => {
    const worker = startWorker(world);
    worker.on('message', ({ result, error }: Reply) => {
      const job = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if (error) job?.reject(new CorpusError(error.code ?? 'worker-failed', error.message));
      else job?.resolve(result!);
      feed();
    });
    worker.on('error', (cause) =>
      fail(new CorpusError('worker-failed', `A worker thread failed: ${cause.message}`, { cause })),
    );
    worker.on('exit', (code) => {
      if (!closed)
        fail(
          new CorpusError(
            'worker-failed',
            `A worker thread ended with code ${code} before its work was done; is memory short?`,
          ),
        );
    });
    return worker;
  });
  idle.push(...workers);
  return {
    run: (unit) =>
      new Promise((resolve, reject) => {
        if (broken) reject(broken);
        else {
          queue.push({ id: nextId++, unit, resolve, reject });
          feed();
        }
      }),
    async close() {
      closed = true;
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** Built code starts as it is. From source (tests) the thread first registers a TypeScript loader. */
function startWorker(world: WorldData): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./worker.js', import.meta.url), { workerData: world });
  // `require` finds the CommonJS twin, whose registration does not work inside a thread; the module lies beside it.
  const loader = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  );
  const worker = new URL('./worker.ts', import.meta.url);
  const code = `import(${JSON.stringify(loader.href)}).then(({ register }) => (register(), import(${JSON.stringify(worker.href)})));`;
  return new Worker(code, { eval: true, workerData: world });
}
