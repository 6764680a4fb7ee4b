import { EvalsError } from '../errors.ts';

/**
 * McNemar's exact test: two-sided p that two arms, right or wrong on the same items, are equally good.
 * @param onlyA items that only A got right
 * @param onlyB items that only B got right
 * @example mcNemarExact(1, 9) // 0.021484375
 */
export function mcNemarExact(onlyA: number, onlyB: number): number {
  if (!Number.isInteger(onlyA) || !Number.isInteger(onlyB) || onlyA < 0 || onlyB < 0)
    throw new EvalsError('INVALID_OPTION', `McNemar's test: expected two counts, got ${onlyA} and ${onlyB}.`);
  const n = onlyA + onlyB;
  const few = Math.min(onlyA, onlyB);
  let logChoose = 0; // ln of n over k
  let tail = 0;
  for (let k = 0; k <= few; k++) {
    if (k > 0) logChoose += Math.log((n - k + 1) / k);
    tail += Math.exp(logChoose - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}
