/**
 * The largest difference of two arrays, relative to the largest number of the expected one.
 * @param leastScale what differences are relative to where every expected number is smaller
 * @returns 0 for equal arrays (NaN equals NaN); Infinity where only one is NaN or the lengths differ
 */
export function worstRelativeError(actual: ArrayLike<number>, expected: ArrayLike<number>, leastScale = 1e-30): number {
  if (actual.length !== expected.length) return Infinity;
  let scale = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e) || a === e) {
      if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
      continue;
    }
    const difference = Math.abs(a - e);
    if (!Number.isFinite(difference)) return Infinity;
    scale = Math.max(scale, Math.abs(e));
    worst = Math.max(worst, difference);
  }
  return worst === 0 ? 0 : worst / Math.max(scale, leastScale);
}
