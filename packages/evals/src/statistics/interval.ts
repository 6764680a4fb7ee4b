import { EvalsError } from '../errors.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { tCdf, tQuantile } from './student-t.ts';

/** An estimate with its interval. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
  /** E.g. 0.95. */
  confidence: number;
  /** Items that went in. */
  n: number;
}

export interface ResamplingOptions {
  /** Any text or number; same seed, same interval. */
  seed: string | number;
  /** Default 10,000. */
  resamples?: number;
  /** Default 0.95. */
  confidence?: number;
}

export function checkConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1))
    throw new EvalsError('INVALID_OPTION', `confidence: expected a number in (0, 1), got ${confidence}.`);
}

export function checkResamples(resamples: number): void {
  if (!Number.isInteger(resamples) || resamples < 100)
    throw new EvalsError('INVALID_OPTION', `resamples: expected an integer of at least 100, got ${resamples}.`);
}

export function checkValues(what: string, values: ArrayLike<number>): void {
  if (values.length === 0) throw new EvalsError('EMPTY_SET', `${what}: expected at least one value, got none.`);
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new EvalsError('INVALID_ITEM', `${what}: expected finite numbers, got ${values[i]} at ${i}.`);
}

export function checkWeights(count: number, weights: ArrayLike<number> | undefined): void {
  if (!weights) return;
  const wrong = Array.from(weights).find((weight) => !(weight > 0 && weight < Number.POSITIVE_INFINITY));
  if (weights.length === count && wrong === undefined) return;
  const got = weights.length === count ? wrong : weights.length;
  throw new EvalsError('INVALID_OPTION', `weights: expected ${count} positive numbers, got ${got}.`);
}

/**
 * Percentile interval of sorted bootstrap estimates, linear between ranks. A bootstrap of n values is too narrow by the root of (n − 1) / n
 * and knows nothing of Student's t: the percentiles are moved outwards by both (the expanded percentile interval, Hesterberg 2015,
 * "What Teachers Should Know About the Bootstrap", section 3.3).
 * @param n values that were resampled
 */
export function percentiles(sorted: Float64Array, confidence: number, n: number): [number, number] {
  const tail = n < 2 ? 0 : normalCdf(-Math.sqrt(n / (n - 1)) * tQuantile((1 + confidence) / 2, n - 1));
  return [quantile(sorted, tail), quantile(sorted, 1 - tail)];
}

/** Two-sided p of "the truth is 0": 1 less the confidence at which {@link percentiles} touches 0, never below 2 / (resamples + 1). */
export function percentileP(estimates: Float64Array, n: number): number {
  let [below, above] = [0, 0];
  for (const estimate of estimates) {
    if (estimate <= 0) below++;
    if (estimate >= 0) above++;
  }
  const tail = Math.min(0.5, (Math.min(below, above) + 1) / (estimates.length + 1));
  if (tail === 0.5 || n < 2) return 1;
  return 2 * tCdf(normalQuantile(tail) * Math.sqrt((n - 1) / n), n - 1);
}

function quantile(sorted: Float64Array, share: number): number {
  const rank = share * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (rank - below) * (sorted[above]! - sorted[below]!);
}
