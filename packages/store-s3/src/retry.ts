import { setTimeout as sleep } from 'node:timers/promises';
import { isPassing, nameOf } from './errors.ts';

export interface RetryOptions {
  /** Seconds after the first failure in which trying goes on. */
  patienceSeconds: number;
  signal?: AbortSignal | undefined;
  onRetry?: ((error: unknown, attempt: number) => void) | undefined;
}

const firstDelayMs = 100;
const longestDelayMs = 15_000;

/**
 * Tries again what failed for a passing reason, after pauses that double and are shortened at random, so that many workers do not come back
 * at the same moment.
 *
 * @throws the last error, once patience has run out or the reason will not pass
 */
export async function retrying<Result>(action: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { patienceSeconds, signal, onRetry } = options;
  let firstFailureMs: number | undefined;
  let wasSkewed = false;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      signal?.throwIfAborted();
      firstFailureMs ??= performance.now();
      // The client corrects its clock by the first answer; where that did not help, nothing will.
      const isSkewed = nameOf(error) === 'RequestTimeTooSkewed';
      const isOver = performance.now() - firstFailureMs >= patienceSeconds * 1000;
      if (!isPassing(error) || (isSkewed && wasSkewed) || isOver) throw error;
      wasSkewed ||= isSkewed;
      onRetry?.(error, attempt);
      const ceilingMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
      // Jitter reaches no number of a result.
      await sleep(ceilingMs * (0.25 + 0.75 * Math.random()), undefined, signal ? { signal } : {}).catch(
        () => undefined,
      );
    }
  }
}
