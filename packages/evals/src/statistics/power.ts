import { EvalsError } from '../errors.ts';
import { normalQuantile } from './normal.ts';

/**
 * The smallest true difference of two means that a comparison finds with the given power: (z₁₋α/₂ + z_power) · standard error.
 * @param options `n` items; `standardDeviation` of the paired differences, or of one arm's scores with `paired: false`
 * @example minimumDetectableDifference({ n: 1000, standardDeviation: 0.5 }) // 0.0443
 */
export function minimumDetectableDifference(options: {
  n: number;
  standardDeviation: number;
  power?: number;
  confidence?: number;
  paired?: boolean;
}): number {
  const { n, standardDeviation, power = 0.8, confidence = 0.95, paired = true } = options;
  if (!(n >= 2) || !(standardDeviation >= 0) || !(power > 0 && power < 1))
    throw new EvalsError(
      'INVALID_OPTION',
      `Detectable difference: expected n ≥ 2, a deviation ≥ 0 and a power in (0, 1), got ${n}, ${standardDeviation}, ${power}.`,
    );
  const standardError = standardDeviation * Math.sqrt((paired ? 1 : 2) / n);
  return (normalQuantile((1 + confidence) / 2) + normalQuantile(power)) * standardError;
}
