import { EvalsError } from '../errors.ts';
import { checkConfidence, type Interval } from './interval.ts';
import { normalQuantile } from './normal.ts';

/**
 * Wilson's score interval of a proportion (Wilson 1927): unlike the bootstrap it says something when all or none are right.
 * @example wilsonInterval(0, 10) // { estimate: 0, low: 0, high: 0.2775, … }
 */
export function wilsonInterval(successes: number, n: number, confidence = 0.95): Interval {
  checkConfidence(confidence);
  if (!Number.isInteger(n) || !Number.isInteger(successes) || n < 1 || successes < 0 || successes > n)
    throw new EvalsError(
      'INVALID_OPTION',
      `Wilson interval: expected 0 ≤ successes ≤ n and n ≥ 1, got ${successes} of ${n}.`,
    );
  const z2 = normalQuantile((1 + confidence) / 2) ** 2;
  const p = successes / n;
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt(z2 * ((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return {
    estimate: p,
    low: successes === 0 ? 0 : middle - half,
    high: successes === n ? 1 : middle + half,
    confidence,
    n,
  };
}
