import { EvalsError } from '../errors.ts';

/**
 * Benjamini and Hochberg's step-up correction (1995): among what is then called different, at most a share α is so by chance, on average.
 * Milder than {@link holm}, which keeps even one such call below α; for looking through many comparisons, not for a claim.
 * @param pValues of all tests of one family
 * @returns adjusted p, in the order given
 * @throws EvalsError INVALID_OPTION
 * @example benjaminiHochberg([0.01, 0.04, 0.03]) // [0.03, 0.04, 0.04]
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const odd = pValues.find((p) => !(p >= 0 && p <= 1));
  if (odd !== undefined)
    throw new EvalsError('INVALID_OPTION', `Benjamini and Hochberg: expected p in [0, 1], got ${odd}.`);
  const adjusted = new Array<number>(pValues.length);
  let smallest = 1;
  [...pValues.keys()]
    .sort((a, b) => pValues[b]! - pValues[a]!)
    .forEach((i, fromTop) => {
      smallest = Math.min(smallest, (pValues.length / (pValues.length - fromTop)) * pValues[i]!);
      adjusted[i] = smallest;
    });
  return adjusted;
}
