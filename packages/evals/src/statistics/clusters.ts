/**
 * Items that belong together, such as several questions about one picture, are no further evidence each: they are drawn together. As one value of
 * the cluster's mean and its whole weight they are resampled by ratios of sums, and spread as the linearised variance of a cluster sample has it
 * (Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference").
 */
import { EvalsError } from '../errors.ts';
import { checkWeights } from './interval.ts';

export interface Clustering {
  /** Per item the name of its cluster. */
  clusters?: readonly (string | number)[] | undefined;
  /** Per item. */
  weights?: ArrayLike<number> | undefined;
}

/**
 * The clusters of rows, if any two share one; a row that names none is one of its own.
 * @example clustersOf([{ cluster: 'a.jpg' }, { cluster: 'a.jpg' }, {}]) // ['a.jpg', 'a.jpg', 2]
 */
export function clustersOf(rows: readonly { cluster?: string }[]): (string | number)[] | undefined {
  const clusters = rows.map(({ cluster }, i) => cluster ?? i);
  return new Set(clusters).size < rows.length ? clusters : undefined;
}

/** Every run with one value a cluster, and the clusters' weights; the runs as they are without clusters. */
export function joinClusters<Run extends ArrayLike<number>>(
  runs: readonly Run[],
  { clusters, weights }: Clustering,
): { runs: readonly (Run | Float64Array)[]; weights?: ArrayLike<number> } {
  if (clusters === undefined) return weights ? { runs, weights } : { runs };
  checkWeights(clusters.length, weights);
  const numbers = new Map<string | number, number>();
  for (const cluster of clusters) if (!numbers.has(cluster)) numbers.set(cluster, numbers.size);
  const totals = new Float64Array(numbers.size);
  clusters.forEach((cluster, i) => {
    totals[numbers.get(cluster)!]! += weights?.[i] ?? 1;
  });
  const joined = runs.map((run) => {
    if (run.length !== clusters.length)
      throw new EvalsError('INVALID_OPTION', `clusters: expected ${run.length} names, got ${clusters.length}.`);
    const means = new Float64Array(numbers.size);
    clusters.forEach((cluster, i) => {
      const at = numbers.get(cluster)!;
      means[at]! += (run[i]! * (weights?.[i] ?? 1)) / totals[at]!;
    });
    return means;
  });
  return { runs: joined, weights: totals };
}
