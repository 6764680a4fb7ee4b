import { EvalsError } from '../errors.ts';

/**
 * Holm's step-down correction for many tests (Holm 1979).
 * @param pValues of all tests of one family
 * @returns adjusted p, in the order given; those below α may be called different, all at once, with error at most α
 * @example holm([0.01, 0.04, 0.03]) // [0.03, 0.06, 0.06]
 */
export function holm(pValues: readonly number[]): number[] {
  const odd = pValues.find((p) => !(p >= 0 && p <= 1));
  if (odd !== undefined) throw new EvalsError('INVALID_OPTION', `Holm's correction: expected p in [0, 1], got ${odd}.`);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  [...pValues.keys()]
    .sort((a, b) => pValues[a]! - pValues[b]!)
    .forEach((i, rank) => {
      largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[i]!));
      adjusted[i] = largest;
    });
  return adjusted;
}
