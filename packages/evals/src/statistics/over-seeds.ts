/**
 * How sure a mean over several runs (seeds) of the same items is, so that it holds for other seeds and for other items.
 *
 * The variance of such a mean is σ²(seeds) / S + σ²(items) / n + σ²(rest) / (S · n). Items are many: their part is a bootstrap over items. Seeds
 * are few: their part is Student's t with S − 1 degrees of freedom, from the spread of the runs' means (which holds the rest as well, so
 * that the rest is taken out of the items' part). Drawing two or three seeds with replacement, as the pigeonhole bootstrap (Owen 2007)
 * does, cannot know how far seeds lie apart: of its 95 % intervals 99 in 100 hold the truth where seeds agree and 75 to 82 where two or three
 * of them scatter widely (the README has the table).
 *
 * The two parts are joined by the weighted t of Cochran and Cox (1950, "Experimental Designs", section 4.14): the multiple of the standard
 * error is the mean of both multiples, weighted by the parts' shares of the variance. With plain weights and two or three seeds that is too
 * wide by up to 3 points of coverage; weights by the variances to the power of 1.3 keep it between 93 and 97 % for any number of seeds and
 * any ratio of the parts (`npm run bench -- calibration`).
 */
import { EvalsError } from '../errors.ts';
import { mean, meanVariance, resampleMeans } from './bootstrap.ts';
import { type Clustering, joinClusters } from './clusters.ts';
import {
  checkConfidence,
  checkValues,
  type Interval,
  percentileP,
  percentiles,
  type ResamplingOptions,
} from './interval.ts';
import { tQuantile } from './student-t.ts';

export const weightPower = 1.3;

/** A mean over runs and items, with all that is known of how it varies. */
export interface SeedsAndItems {
  estimate: number;
  seeds: number;
  /** What was drawn: items, or clusters of them. */
  items: number;
  /** Variance of the mean that comes from the seeds (0 with one run). */
  seedVariance: number;
  /** Variance of the mean that comes from the items. */
  itemVariance: number;
  /** Lower and upper end. */
  interval(confidence: number): [number, number];
  /** Two-sided p of "the truth is 0", as the intervals say it. */
  p(): number;
}

/**
 * Interval of a mean over several runs (seeds) of the same items: over items by bootstrap, over seeds by Student's t. With one run it is that
 * of {@link bootstrapMean}, which knows nothing of other seeds. With two runs it is very wide: two seeds say little about a third.
 * @param runs one list per seed, all over the same items in the same order
 * @param options `clusters` names the items that belong together (the pictures of questions); they are drawn together
 * @throws EvalsError EMPTY_SET, INVALID_ITEM, NOT_PAIRED, INVALID_OPTION
 * @example bootstrapRuns([[0, 1, 1], [1, 1, 1]], { seed: 7 })
 */
export function bootstrapRuns(runs: readonly ArrayLike<number>[], options: ResamplingOptions & Clustering): Interval {
  const { confidence = 0.95 } = options;
  checkConfidence(confidence);
  const { estimate, interval } = seedsAndItems(runs, options);
  const [low, high] = interval(confidence);
  return { estimate, low, high, confidence, n: runs[0]!.length };
}

/** `weights` and `clusters` per item, the same in every run. */
export function seedsAndItems(
  given: readonly ArrayLike<number>[],
  options: ResamplingOptions & Clustering,
): SeedsAndItems {
  checkRuns(given);
  const { runs, weights } = joinClusters(given, options);
  const items = runs[0]!.length;
  const seeds = runs.length;
  const perItem = Float64Array.from({ length: items }, (_, i) => runs.reduce((sum, run) => sum + run[i]!, 0) / seeds);
  const drawn = resampleMeans(perItem, { ...options, weights }).sort();
  const estimate = mean(perItem, weights);
  const scattered = scatter(runs, perItem, weights);
  const units = { n: items, estimate, variance: scattered.items };
  const base = { estimate, seeds, items };
  if (seeds === 1) {
    const interval = (confidence: number): [number, number] => percentiles(drawn, confidence, units);
    return { ...base, seedVariance: 0, itemVariance: scattered.items, interval, p: () => percentileP(drawn, units) };
  }

  const itemVariance = Math.max(0, scattered.items - scattered.rest);
  // Runs that agree by chance are not believed to the last item: a standard error of the rest is the least that they vary.
  const seedVariance = Math.max(scattered.seeds, scattered.rest / tQuantile(0.975, seeds - 1) ** 2);
  const standardError = Math.sqrt(itemVariance + seedVariance);
  const weight = seedWeight(seedVariance, itemVariance);
  const multiple = (ofItems: number, confidence: number): number =>
    weight * tQuantile((1 + confidence) / 2, seeds - 1) +
    (1 - weight) * (scattered.items === 0 ? 0 : ofItems / Math.sqrt(scattered.items));
  const interval = (confidence: number): [number, number] => {
    const [low, high] = percentiles(drawn, confidence, units);
    return [
      estimate - multiple(estimate - low, confidence) * standardError,
      estimate + multiple(high - estimate, confidence) * standardError,
    ];
  };
  const p = (): number => {
    let [holds, misses] = [0, 1]; // levels α whose intervals hold 0, and do not
    const least = 2 / (drawn.length + 1);
    while (misses - holds > 1e-3 * misses && misses > least) {
      const alpha = (holds + misses) / 2;
      const [low, high] = interval(1 - alpha);
      if (low <= 0 && high >= 0) holds = alpha;
      else misses = alpha;
    }
    return Math.max(least, misses);
  };
  return { ...base, seedVariance, itemVariance, interval, p };
}

/** The seeds' weight in the multiple of the standard error. */
export function seedWeight(seedVariance: number, itemVariance: number): number {
  const [ofSeeds, ofItems] = [seedVariance ** weightPower, itemVariance ** weightPower];
  return ofSeeds + ofItems === 0 ? 0 : ofSeeds / (ofSeeds + ofItems);
}

/** Squared standard errors of the mean: from the spread of the runs' means, of the items' means, and of what neither explains. */
function scatter(
  runs: readonly ArrayLike<number>[],
  perItem: Float64Array,
  weights: ArrayLike<number> | undefined,
): { seeds: number; items: number; rest: number } {
  const [seeds, items] = [runs.length, perItem.length];
  const centre = mean(perItem, weights);
  const means = runs.map((run) => mean(run, weights));
  let [total, ofRest] = [0, 0];
  for (let i = 0; i < items; i++) {
    const weight = weights?.[i] ?? 1;
    total += weight;
    for (let s = 0; s < seeds; s++) ofRest += (weight * (runs[s]![i]! - perItem[i]! - means[s]! + centre)) ** 2;
  }
  const perMean = items < 2 ? 0 : items / (items - 1) / total ** 2;
  const ofSeeds = means.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return {
    seeds: seeds < 2 ? 0 : ofSeeds / (seeds - 1) / seeds,
    items: meanVariance(perItem, weights),
    rest: seeds < 2 ? 0 : (ofRest * perMean) / (seeds - 1) / seeds,
  };
}

function checkRuns(runs: readonly ArrayLike<number>[]): void {
  if (runs.length === 0) throw new EvalsError('EMPTY_SET', 'Bootstrap over runs: expected at least one run, got none.');
  const n = runs[0]!.length;
  for (const run of runs) {
    checkValues('Bootstrap over runs', run);
    if (run.length !== n)
      throw new EvalsError('NOT_PAIRED', `Bootstrap over runs: expected ${n} items in every run, got ${run.length}.`);
  }
}
