/** Bootstrap percentile intervals (Efron 1979) of means: over items and over clusters. Over seeds and items together: `over-seeds.ts`. */
import { EvalsError } from '../errors.ts';
import { createRandom } from '../random.ts';
import { type Clustering, joinClusters } from './clusters.ts';
import {
  checkConfidence,
  checkResamples,
  checkValues,
  checkWeights,
  type Interval,
  percentiles,
  type ResamplingOptions,
  type Units,
} from './interval.ts';

/**
 * Interval of a (weighted) mean over items.
 * @param values one per item
 * @param options seed; `weights` per item give Σ w·x / Σ w, resampled as pairs; items of one of the `clusters` are drawn together
 * @throws EvalsError EMPTY_SET, INVALID_ITEM, INVALID_OPTION
 * @example bootstrapMean([0, 1, 1, 1, 0, 1, 1, 1], { seed: 7 }) // { estimate: 0.75, low: 0.375, high: 1, … }
 */
export function bootstrapMean(values: ArrayLike<number>, options: ResamplingOptions & Clustering): Interval {
  const { weights, confidence = 0.95 } = options;
  const { runs, weights: joinedWeights } = joinClusters([values], options);
  const drawn = runs[0]!;
  const estimates = resampleMeans(drawn, { ...options, weights: joinedWeights }).sort();
  const [low, high] = percentiles(estimates, confidence, unitsOf(drawn, joinedWeights));
  return { estimate: mean(values, weights), low, high, confidence, n: values.length };
}

/** Σ w·x / Σ w; the plain mean without weights. */
export function mean(values: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const weight = weights?.[i] ?? 1;
    sum += weight * values[i]!;
    total += weight;
  }
  return sum / total;
}

/** Values of which the mean is sought. */
export function unitsOf(values: ArrayLike<number>, weights: ArrayLike<number> | undefined): Units {
  return { n: values.length, estimate: mean(values, weights), variance: meanVariance(values, weights) };
}

/** The squared standard error of a (weighted) mean: of a ratio of sums, linearised. 0 of a single value. */
export function meanVariance(values: ArrayLike<number>, weights: ArrayLike<number> | undefined): number {
  const n = values.length;
  const centre = mean(values, weights);
  let [squares, total] = [0, 0];
  for (let i = 0; i < n; i++) {
    const weight = weights?.[i] ?? 1;
    total += weight;
    squares += (weight * (values[i]! - centre)) ** 2;
  }
  return n < 2 ? 0 : squares * (n / (n - 1) / total ** 2);
}

/** The means of `resamples` draws of all items with replacement, in the order drawn. */
export function resampleMeans(
  values: ArrayLike<number>,
  options: ResamplingOptions & { weights?: ArrayLike<number> | undefined },
): Float64Array {
  const { seed, resamples = 10_000, confidence = 0.95, weights } = options;
  checkConfidence(confidence);
  checkResamples(resamples);
  checkValues('Bootstrap', values);
  checkWeights(values.length, weights);
  const n = values.length;
  const { uint32 } = createRandom(`${seed}/bootstrap`);
  const x = Float64Array.from(values, (value, i) => value * (weights?.[i] ?? 1));
  const w = weights ? Float64Array.from(weights) : undefined;
  const means = new Float64Array(resamples);
  const scale = n / 4294967296;
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    let total = w ? 0 : n;
    for (let i = 0; i < n; i++) {
      const drawn = (uint32() * scale) | 0;
      sum += x[drawn]!;
      if (w) total += w[drawn]!;
    }
    means[r] = sum / total;
  }
  return means;
}

/**
 * Interval of a mean over clusters of unequal size (documents with several questions, runs with items of their own): clusters are drawn with
 * replacement, and with `within` the items inside a drawn cluster too.
 * @example bootstrapClusters([[0, 1], [1, 1, 1]], { seed: 7, within: true })
 */
export function bootstrapClusters(
  clusters: readonly ArrayLike<number>[],
  options: ResamplingOptions & { within?: boolean },
): Interval {
  const { seed, resamples = 10_000, confidence = 0.95, within = false } = options;
  checkConfidence(confidence);
  checkResamples(resamples);
  if (clusters.length === 0)
    throw new EvalsError('EMPTY_SET', 'Bootstrap over clusters: expected at least one, got none.');
  for (const cluster of clusters) checkValues('Bootstrap over clusters', cluster);
  const random = createRandom(`${seed}/clusters`);
  const sums = clusters.map((cluster) => mean(cluster) * cluster.length);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let [sum, total] = [0, 0];
    for (let c = 0; c < clusters.length; c++) {
      const drawn = random.int(clusters.length);
      const cluster = clusters[drawn]!;
      total += cluster.length;
      if (within) for (let i = 0; i < cluster.length; i++) sum += cluster[random.int(cluster.length)]!;
      else sum += sums[drawn]!;
    }
    means[r] = sum / total;
  }
  const units = unitsOf(
    clusters.map((cluster) => mean(cluster)),
    clusters.map(({ length }) => length),
  );
  const [low, high] = percentiles(means.sort(), confidence, units);
  const n = clusters.reduce((total, cluster) => total + cluster.length, 0);
  return { estimate: sums.reduce((a, b) => a + b, 0) / n, low, high, confidence, n };
}
