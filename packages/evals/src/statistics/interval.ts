import { EvalsError } from '../errors.ts';

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

/** Percentile interval of sorted estimates, linear between ranks. */
export function percentiles(sorted: Float64Array, confidence: number): [number, number] {
  const at = (share: number): number => {
    const rank = share * (sorted.length - 1);
    const below = Math.floor(rank);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below]! + (rank - below) * (sorted[above]! - sorted[below]!);
  };
  return [at((1 - confidence) / 2), at((1 + confidence) / 2)];
}
