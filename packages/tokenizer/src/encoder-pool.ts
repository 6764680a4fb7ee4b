import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createTokenizer, type Tokenizer } from './create-tokenizer.ts';
import { encodeSlice, type SliceReply, type SliceRequest, type SliceResult } from './encode-slice.ts';
import { checkTokenizerData, type TokenizerData } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/** Characters that a thread is given at once: enough work to be worth the way, small enough to balance. */
const SLICE_CHARACTERS = 250_000;

export interface EncoderPoolOptions {
  /** Number of threads; as many as the machine runs at once unless given. */
  workers?: number;
  /** Batches of fewer characters are encoded where they are, without threads. Default 200,000. */
  inlineBelow?: number;
}

/** Encodes batches of texts in threads. */
export interface EncoderPool {
  /**
   * Ids of each text, in the order of the texts. The arrays of neighbouring texts share memory.
   *
   * @throws {TokenizerError} as `encode` does, naming the first text at fault by its place; `worker-failed`
   */
  encodeBatch(texts: readonly string[]): Promise<Int32Array[]>;
  /** Ends the threads; batches under way fail with `worker-failed`. */
  dispose(): Promise<void>;
}

interface Job {
  texts: readonly string[];
  done(result: SliceResult): void;
  fail(error: TokenizerError): void;
}

interface Thread {
  worker: Worker;
  /** Slices that it was given, by number. */
  jobs: Map<number, Job>;
}

/**
 * Threads that encode batches. They start with the first batch that is worth it, and do not keep the process alive while they wait.
 *
 * @throws {TokenizerError} `invalid-data`, `invalid-argument`
 *
 * @example
 * const pool = createEncoderPool(stockEncoding('gpt2'));
 * const [ids] = await pool.encodeBatch(['hello world']);
 * await pool.dispose();
 */
export function createEncoderPool(data: TokenizerData, options: EncoderPoolOptions = {}): EncoderPool {
  const { workers = availableParallelism(), inlineBelow = 200_000 } = options;
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new TokenizerError(
      'invalid-argument',
      `Expected workers to be a whole number of at least 1, got ${workers}.`,
    );
  if (!(inlineBelow >= 0))
    throw new TokenizerError('invalid-argument', `Expected inlineBelow to be a number from 0, got ${inlineBelow}.`);
  const vocabulary = checkTokenizerData(data);
  const waiting: Job[] = [];
  let threads: Thread[] | undefined;
  let inline: Tokenizer | undefined;
  let broken: TokenizerError | undefined;
  let slices = 0;

  function start(): Thread[] {
    return Array.from({ length: workers }, () => {
      const thread: Thread = { worker: startWorker(vocabulary), jobs: new Map() };
      thread.worker.on('message', ({ slice, ...result }: SliceReply) => {
        const job = thread.jobs.get(slice)!;
        thread.jobs.delete(slice);
        if (thread.jobs.size === 0) thread.worker.unref();
        job.done(result as SliceResult);
        feed();
      });
      thread.worker.on('error', (cause) => breakDown(`a thread failed: ${cause.message}`, cause));
      thread.worker.on('exit', (code) => breakDown(`a thread ended with code ${code}; is memory short?`));
      thread.worker.unref(); // after the listeners, which keep it referenced
      return thread;
    });
  }

  /** Two slices for each thread: one at work, one at hand. */
  function feed(): void {
    for (const depth of [1, 2])
      for (const thread of threads ?? [])
        if (thread.jobs.size < depth && waiting.length > 0) {
          const job = waiting.shift()!;
          const request: SliceRequest = { slice: slices++, texts: job.texts };
          thread.jobs.set(request.slice, job);
          thread.worker.ref();
          thread.worker.postMessage(request);
        }
  }

  function breakDown(reason: string, cause?: unknown): void {
    broken ??= new TokenizerError('worker-failed', `Encoding in threads: ${reason}. Make a new pool.`, { cause });
    for (const job of waiting.splice(0)) job.fail(broken);
    for (const thread of threads ?? []) {
      for (const job of thread.jobs.values()) job.fail(broken);
      thread.jobs.clear();
      thread.worker.terminate();
    }
  }

  async function inThreads(texts: readonly string[]): Promise<SliceResult> {
    threads ??= start();
    return new Promise((done, fail) => {
      waiting.push({ texts, done, fail });
      feed();
    });
  }

  return {
    async encodeBatch(texts) {
      if (broken) throw broken;
      const { characters, slices: parts } = cut(texts);
      const results = await settleInOrder(
        parts.map(([from, to]) => {
          const part = texts.slice(from, to);
          if (characters >= inlineBelow) return inThreads(part);
          inline ??= createTokenizer(vocabulary);
          return encodeSlice(inline, part);
        }),
      );
      return results.flatMap((result, i) => {
        if ('error' in result) {
          const { text, code, message, stack } = result.error;
          const cause = Object.assign(new Error(message), { stack });
          throw new TokenizerError(code, `Text ${parts[i]![0] + text} of ${texts.length}: ${message}`, { cause });
        }
        const { ids, ends } = result;
        return Array.from(ends, (end, k) => ids.subarray(k === 0 ? 0 : ends[k - 1]!, end));
      });
    },
    async dispose() {
      broken ??= new TokenizerError('worker-failed', 'Encoding in threads: this pool was disposed. Make a new one.');
      for (const job of waiting.splice(0)) job.fail(broken);
      for (const { jobs } of threads ?? []) for (const job of jobs.values()) job.fail(broken);
      inline?.dispose();
      await Promise.all((threads ?? []).map(({ worker }) => worker.terminate()));
    },
  };
}

/** Places at which a batch is cut into slices of neighbouring texts. */
function cut(texts: readonly string[]): { characters: number; slices: [from: number, to: number][] } {
  const slices: [number, number][] = [];
  let characters = 0;
  let size = 0;
  let from = 0;
  for (const [i, text] of texts.entries()) {
    const { length } = String(text);
    characters += length;
    size += length;
    if (size >= SLICE_CHARACTERS || i === texts.length - 1) {
      slices.push([from, i + 1]);
      from = i + 1;
      size = 0;
    }
  }
  return { characters, slices };
}

/** Waits for all, so that of several failures the first in order is told. */
async function settleInOrder<T>(all: readonly (T | Promise<T>)[]): Promise<T[]> {
  const settled = await Promise.allSettled(all);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** From `dist` the thread is JavaScript; from `src` (tests, development) tsx compiles it, which Node 20 cannot do by itself. */
function startWorker(data: TokenizerData): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const url = new URL(isSource ? './encode-worker.ts' : './encode-worker.js', import.meta.url);
  if (!isSource) return new Worker(url, { workerData: data });
  // `require` finds tsx's CommonJS twin, which cannot register inside a thread; the ES module lies beside it.
  const tsx = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const [loader, entry] = [pathToFileURL(tsx), url].map(({ href }) => JSON.stringify(href));
  const start = `import(${loader}).then(({ register }) => (register(), import(${entry})));`;
  return new Worker(start, { workerData: data, eval: true });
}
