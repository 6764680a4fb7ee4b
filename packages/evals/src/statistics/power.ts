import { EvalsError } from '../errors.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { seedWeight } from './over-seeds.ts';
import { tQuantile } from './student-t.ts';

export interface PowerOptions {
  /** Items. */
  n: number;
  /** Standard deviation over items of one run's paired differences, or of one arm's scores with `paired: false`. */
  standardDeviation: number;
  /** Runs of each arm, paired by seed. Default 1: a difference between two models, not between two ways of training them. */
  seeds?: number;
  /** Standard deviation over seeds of the difference that a run would show on endlessly many items. Needed with several seeds. */
  seedDeviation?: number;
  /**
   * How alike an item's differences are from seed to seed, 0 to 1: where they are (1, the default), more seeds make nothing surer that the
   * items leave open.
   */
  itemCorrelation?: number;
  /** Default 0.8. */
  power?: number;
  /** Default 0.95. */
  confidence?: number;
  paired?: boolean;
}

/**
 * The smallest true difference of two means that `compare` finds with the given power. With one run that is (z₁₋α/₂ + z_power) standard
 * errors; with several, what the interval over seeds and items needs, integrated over the spread that so few seeds may show.
 * @throws EvalsError INVALID_OPTION
 * @example
 * minimumDetectableDifference({ n: 1000, standardDeviation: 0.5 }); // 0.0443
 * minimumDetectableDifference({ n: 1000, standardDeviation: 0.5, seeds: 3, seedDeviation: 0.01 }); // 0.0506
 */
export function minimumDetectableDifference(options: PowerOptions): number {
  const { n, standardDeviation, power = 0.8, confidence = 0.95, paired = true } = options;
  if (!(n >= 2) || !(standardDeviation >= 0) || !(power > 0 && power < 1))
    throw new EvalsError(
      'INVALID_OPTION',
      `Detectable difference: expected n ≥ 2, a deviation ≥ 0 and a power in (0, 1), got ${n}, ${standardDeviation}, ${power}.`,
    );
  const ofItems = (standardDeviation ** 2 * (paired ? 1 : 2)) / n;
  const seeds = options.seeds ?? 1;
  if (seeds === 1) return (normalQuantile((1 + confidence) / 2) + normalQuantile(power)) * Math.sqrt(ofItems);
  const { seedDeviation = Number.NaN, itemCorrelation = 1 } = options;
  if (!Number.isInteger(seeds) || seeds < 1 || !(seedDeviation >= 0) || !(itemCorrelation >= 0 && itemCorrelation <= 1))
    throw new EvalsError(
      'INVALID_OPTION',
      `Detectable difference: expected at least one seed, and with several their deviation ≥ 0 and a correlation of items in [0, 1], got ${seeds}, ${options.seedDeviation} and ${itemCorrelation}.`,
    );
  const variances = {
    seeds,
    seedVariance: (seedDeviation ** 2 + (1 - itemCorrelation) * ofItems) / seeds,
    itemVariance: itemCorrelation * ofItems,
  };
  return detectableOverSeeds(variances, power, confidence);
}

interface Variances {
  seeds: number;
  /** Of the mean difference. */
  seedVariance: number;
  itemVariance: number;
}

/** From the variances of the mean difference. */
export function detectableOverSeeds(variances: Variances, power = 0.8, confidence = 0.95): number {
  const standardError = Math.sqrt(variances.seedVariance + variances.itemVariance);
  if (standardError === 0) return 0;
  const halfWidths = expectedHalfWidths(variances, confidence);
  const found = (difference: number): number =>
    halfWidths.reduce(
      (sum, { halfWidth, chance }) =>
        sum +
        chance *
          (normalCdf((difference - halfWidth) / standardError) + normalCdf((-difference - halfWidth) / standardError)),
      0,
    );
  let [low, high] = [0, standardError];
  while (found(high) < power) [low, high] = [high, 2 * high];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (found(middle) < power) low = middle;
    else high = middle;
  }
  return high;
}

/** Half widths of the interval at steps of the χ distribution that the observed spread of the seeds follows. */
function expectedHalfWidths(
  { seeds, seedVariance, itemVariance }: Variances,
  confidence: number,
): { halfWidth: number; chance: number }[] {
  const degrees = seeds - 1;
  const t = tQuantile((1 + confidence) / 2, degrees);
  const z = normalQuantile((1 + confidence) / 2);
  const steps = 400;
  const [from, to] = [Math.max(0, Math.sqrt(degrees) - 7), Math.sqrt(degrees) + 7];
  const points = Array.from({ length: steps }, (_, i) => from + ((i + 0.5) / steps) * (to - from));
  const density = points.map((chi) => Math.exp((degrees - 1) * Math.log(chi) - chi ** 2 / 2));
  const total = density.reduce((sum, value) => sum + value, 0);
  return points.map((chi, i) => {
    const seen = (seedVariance * chi ** 2) / degrees;
    const weight = seedWeight(seen, itemVariance);
    return {
      halfWidth: (weight * t + (1 - weight) * z) * Math.sqrt(seen + itemVariance),
      chance: density[i]! / total,
    };
  });
}
