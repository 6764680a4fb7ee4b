import { WebDatasetError } from './errors.ts';
import { createRandom } from './random.ts';

/** What a reader of remote bytes reports before it tries again. */
export interface Retry {
  shard: string;
  /** Next byte that is missing. */
  offset: number;
  /** Tries in a row without a new byte, from 1. */
  attempt: number;
  delayMs: number;
  error: unknown;
}

/** How remote sources try again. */
export interface RetryOptions {
  /** Tries in a row without a new byte before an error is final. Default 5. */
  retries?: number | undefined;
  /** Wait before the first retry; it doubles each time, up to `maxDelayMs`, less a part that spreads readers apart. Default 250. */
  delayMs?: number | undefined;
  /** Default 20,000; what a server asks for in `Retry-After` is kept up to here too. */
  maxDelayMs?: number | undefined;
  /** Told of each retry. */
  onRetry?: ((retry: Retry) => void) | undefined;
}

/** Every field of {@link RetryOptions}, for sources that check theirs. */
export const retryFields: Record<keyof RetryOptions, true> = {
  retries: true,
  delayMs: true,
  maxDelayMs: true,
  onRetry: true,
};

/** {@link RetryOptions} with the defaults filled in. */
export interface RetryPolicy {
  retries: number;
  delayMs: number;
  maxDelayMs: number;
  onRetry: ((retry: Retry) => void) | undefined;
}

/** One answer of a remote store. */
export interface RemoteBody {
  /** Stored bytes from `start` on. */
  chunks: AsyncIterable<Uint8Array>;
  /** Frees the connection of a body that is not read: `chunks` does so only once it was begun. */
  cancel(): void;
  /** Offset of the first byte; less than asked for where the store ignores ranges. */
  start: number;
  /** Size of the whole shard, if the store says so. */
  size: number | undefined;
  /** Changes when the shard does (ETag), if the store says so. */
  version: string | undefined;
}

/** Thrown by a request to say whether trying again may help. */
export class RequestError extends Error {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { retryable: boolean; retryAfterMs?: number | undefined; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Asks for a shard's bytes from `at` to before `end`; `undefined` when there are none (the shard ends at `at`). */
export type RequestRange = (at: number, end: number | undefined) => Promise<RemoteBody | undefined>;

/** @throws WebDatasetError `invalid-argument` for options that make no sense */
export function checkedRetry(options: RetryOptions): RetryPolicy {
  const { retries = 5, delayMs = 250, maxDelayMs = 20_000, onRetry } = options;
  for (const [name, value] of Object.entries({ retries, delayMs, maxDelayMs })) {
    if (!Number.isFinite(value) || value < 0)
      throw new WebDatasetError('invalid-argument', `${name}: expected a number from 0, got ${value}`);
  }
  return { retries, delayMs, maxDelayMs, onRetry };
}

/**
 * Streams remote bytes and goes on at the byte where a connection broke. Tries are counted from the last new byte on, so that a long
 * shard over a poor line arrives, and a server that never gets further does not keep the reader for ever.
 *
 * @throws WebDatasetError `unreadable` when trying again does not help, or when the shard changed while it was read
 */
export async function* resumingStream(
  shard: string,
  offset: number,
  length: number | undefined,
  request: RequestRange,
  retry: RetryPolicy,
): AsyncGenerator<Uint8Array, void> {
  const end = length === undefined ? undefined : offset + length;
  const random = createRandom(`${process.pid}/${shard}`); // spreads waits; no sample depends on it
  let at = offset;
  let attempt = 0;
  let known: Pick<RemoteBody, 'size' | 'version'> | undefined;
  for (;;) {
    try {
      const body = await request(at, end);
      if (body === undefined) return;
      const changed =
        known !== undefined &&
        ((known.version !== undefined && body.version !== undefined && known.version !== body.version) ||
          (known.size !== undefined && body.size !== undefined && known.size !== body.size));
      if (changed) {
        body.cancel();
        throw new RequestError('the shard changed while it was read; open it again', { retryable: false });
      }
      known ??= body;
      let position = body.start;
      for await (const chunk of body.chunks) {
        const skipped = Math.min(chunk.length, at - position);
        position += chunk.length;
        if (position <= at) continue;
        at = position;
        attempt = 0;
        yield skipped > 0 ? chunk.subarray(skipped) : chunk;
      }
      const expected = Math.min(end ?? Number.POSITIVE_INFINITY, body.size ?? at);
      if (at >= expected) return;
      throw new RequestError(`expected ${expected} bytes, the answer ended after ${at}`, { retryable: true });
    } catch (error) {
      if (WebDatasetError.isInstance(error)) throw error;
      attempt++;
      if (!(error instanceof RequestError) || !error.retryable || attempt > retry.retries) {
        const tried = attempt > 1 ? ` (tried ${attempt} times)` : '';
        const message = error instanceof Error ? error.message : String(error);
        throw new WebDatasetError('unreadable', `cannot be read: ${message}${tried}`, { shard, offset: at }, error);
      }
      const backoff = retry.delayMs * 2 ** (attempt - 1) * (0.5 + random() / 2);
      const delayMs = Math.min(retry.maxDelayMs, Math.max(backoff, error.retryAfterMs ?? 0));
      retry.onRetry?.({ shard, offset: at, attempt, delayMs, error });
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
