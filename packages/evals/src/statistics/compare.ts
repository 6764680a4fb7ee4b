import { EvalsError } from '../errors.ts';
import { mean } from './bootstrap.ts';
import { clustersOf } from './clusters.ts';
import { checkConfidence, fewUnits, type Interval, type ResamplingOptions } from './interval.ts';
import { mcNemarExact } from './mcnemar.ts';
import { type SeedsAndItems, seedsAndItems } from './over-seeds.ts';
import { detectableOverSeeds, minimumDetectableDifference } from './power.ts';

export type Verdict = 'A better' | 'B better' | 'cannot be told apart';

export interface ScoredRow {
  id: string;
  score: number;
  /** Bytes of a document; 1 where absent. */
  weight?: number;
  /** Rows of one name (questions about one picture) belong together and are drawn together. */
  cluster?: string;
}

/** The scores of one arm: one run, or one per seed. Rows of `runVision` and its like fit as they are. */
export interface Arm {
  name: string;
  runs: readonly (readonly ScoredRow[])[];
}

export interface Comparison {
  verdict: Verdict;
  /** Score of A less that of B. */
  difference: Interval;
  a: number;
  b: number;
  /** Two-sided, in step with the interval; hand those of a family of comparisons to `holm`. */
  p: number;
  /** McNemar's exact p, for single runs of right and wrong whose items share no cluster. */
  mcNemar?: number;
  /** The true difference that items and seeds as many and as scattered as these would show in four studies of five. */
  minimumDetectableDifference: number;
  /** E.g. `late better than early by 0.031 [0.012, 0.050]`. */
  sentence: string;
}

/**
 * Compares two arms on the same items, paired by id (and, seed for seed, by place, with several runs): a paired bootstrap of the
 * difference over items (over their clusters, where rows name them), joined with the spread between seeds ({@link bootstrapRuns}). Nothing can be told where the interval holds 0 or p is not below 1 − confidence.
 * @param options seed of the resampling; `better: 'lower'` for bits per byte
 * @throws EvalsError NOT_PAIRED when ids or numbers of runs differ, DUPLICATE_ID, EMPTY_SET, INVALID_ITEM, INVALID_OPTION
 * @example compare({ name: 'late', runs: [late] }, { name: 'early', runs: [early] }, { seed: 7 }).verdict
 */
export function compare(
  armA: Arm,
  armB: Arm,
  options: ResamplingOptions & { better?: 'higher' | 'lower' },
): Comparison {
  const { confidence = 0.95, better = 'higher' } = options;
  checkConfidence(confidence);
  if (better !== 'higher' && better !== 'lower')
    throw new EvalsError('INVALID_OPTION', `better: expected "higher" or "lower", got ${JSON.stringify(better)}.`);
  if (armA.runs.length !== armB.runs.length || armA.runs.length === 0)
    throw new EvalsError(
      'NOT_PAIRED',
      `Comparison: expected as many runs of ${armA.name} as of ${armB.name} and at least one, got ${armA.runs.length} and ${armB.runs.length}.`,
    );
  const ids = armA.runs[0]!.map(({ id }) => id);
  const a = armA.runs.map((run) => inOrder(run, ids, armA.name));
  const b = armB.runs.map((run) => inOrder(run, ids, armB.name));
  const differences = a.map((run, r) => run.map((score, i) => score - b[r]![i]!));
  const rows = sharedRows([...armA.runs, ...armB.runs], ids);
  const weights = weightsOf(rows);
  const clusters = clustersOf(rows);
  const found = seedsAndItems(differences, { ...options, weights, clusters });
  const { estimate } = found;
  const isBounded = [...a, ...b].every(isShare);
  const constant = isConstant(differences) ? ofConstant(estimate, found.items, confidence, isBounded) : undefined;
  const [low, high] = constant?.interval ?? found.interval(confidence);
  const difference = { estimate, low, high, confidence, n: ids.length };
  const sign = better === 'higher' ? 1 : -1;
  const p = constant?.p ?? found.p();
  const isTold = (low > 0 || high < 0) && p < 1 - confidence;
  const verdict: Verdict = !isTold ? 'cannot be told apart' : estimate * sign > 0 ? 'A better' : 'B better';
  return {
    verdict,
    difference,
    a: mean(a.map((run) => mean(run, weights))),
    b: mean(b.map((run) => mean(run, weights))),
    p,
    ...(clusters ? {} : mcNemarOf(a, b)),
    minimumDetectableDifference: constant?.unseen ?? detectable(found, confidence),
    sentence: sentenceOf(verdict, difference, armA.name, armB.name),
  };
}

/**
 * What the rows of all runs say of each item beside its score. Rows that say nothing, as older ones do, leave it to the others.
 * @throws EvalsError NOT_PAIRED where two differ, for then the verdict would depend on which is asked
 */
function sharedRows(runs: readonly (readonly ScoredRow[])[], ids: readonly string[]): Omit<ScoredRow, 'score'>[] {
  const shared = new Map(ids.map((id): [string, Omit<ScoredRow, 'score'>] => [id, { id }]));
  for (const { id, weight, cluster } of runs.flat()) {
    const row = shared.get(id)!;
    for (const [name, known, given] of [
      ['weight', row.weight, weight],
      ['cluster', row.cluster, cluster],
    ] as const) {
      if (known === undefined || given === undefined || known === given) continue;
      throw new EvalsError(
        'NOT_PAIRED',
        `Comparison: item "${id}" has the ${name} ${known} in one run and ${given} in another; expected the same items in all.`,
      );
    }
    if (weight !== undefined) row.weight = weight;
    if (cluster !== undefined) row.cluster = cluster;
  }
  return [...shared.values()];
}

function weightsOf(run: readonly { weight?: number }[]): number[] | undefined {
  return run.some(({ weight }) => weight !== undefined) ? run.map(({ weight = 1 }) => weight) : undefined;
}

function inOrder(run: readonly ScoredRow[], ids: readonly string[], name: string): number[] {
  const scores = new Map(run.map(({ id, score }) => [id, score]));
  if (scores.size !== run.length)
    throw new EvalsError(
      'DUPLICATE_ID',
      `Comparison: a run of ${name} has ${run.length} rows of ${scores.size} ids; compare one task and condition at a time.`,
    );
  if (run.length !== ids.length)
    throw new EvalsError(
      'NOT_PAIRED',
      `Comparison: expected ${ids.length} items in every run, got ${run.length} of ${name}.`,
    );
  return ids.map((id) => {
    const score = scores.get(id);
    if (score === undefined)
      throw new EvalsError(
        'NOT_PAIRED',
        `Comparison: item "${id}" is missing from a run of ${name}; both arms must answer the same items.`,
      );
    return score;
  });
}

const isConstant = (differences: readonly number[][]): boolean =>
  differences.every((run) => run.every((difference) => difference === differences[0]![0]));
const isShare = (run: readonly number[]): boolean => run.every((score) => score >= 0 && score <= 1);

/**
 * Where every item shows the same difference a bootstrap sees no spread and would be sure, even of two items. What n items alike leave open is
 * the share of items that differ otherwise: at most 1 − (α / 2)^(1 / n) (Clopper and Pearson 1934), by as much as scores from 0 to 1 allow. Scores
 * without bounds, such as bits per byte, allow any: then a difference says nothing.
 *
 * @returns undefined where scores without bounds are all equal, of which a bootstrap says no more than it may
 */
function ofConstant(
  difference: number,
  n: number,
  confidence: number,
  isBounded: boolean,
): { interval: [number, number]; p: number; unseen: number } | undefined {
  const all = Number.POSITIVE_INFINITY;
  if (!isBounded) return difference === 0 ? undefined : { interval: [-all, all], p: 1, unseen: all };
  const unseen = 1 - ((1 - confidence) / 2) ** (1 / n);
  const kept = (1 - unseen) * difference;
  return {
    interval: [Math.max(-1, kept - unseen), Math.min(1, kept + unseen)],
    p: Math.min(1, 2 / (1 + Math.abs(difference)) ** n),
    unseen,
  };
}

function mcNemarOf(a: readonly number[][], b: readonly number[][]): { mcNemar?: number } {
  const binary = (runs: readonly number[][]): boolean => runs.flat().every((score) => score === 0 || score === 1);
  if (a.length !== 1 || !binary(a) || !binary(b)) return {};
  const only = (x: readonly number[], y: readonly number[]): number => x.filter((score, i) => score > y[i]!).length;
  return { mcNemar: mcNemarExact(only(a[0]!, b[0]!), only(b[0]!, a[0]!)) };
}

function detectable(found: SeedsAndItems, confidence: number): number {
  const { seeds, items, itemVariance } = found;
  if (items < 2) return Number.POSITIVE_INFINITY;
  if (seeds > 1) return detectableOverSeeds(found, 0.8, confidence);
  // Few items are judged by Student's t, as seeds are.
  if (items < fewUnits)
    return detectableOverSeeds({ seeds: items, seedVariance: itemVariance, itemVariance: 0 }, 0.8, confidence);
  return minimumDetectableDifference({ n: items, standardDeviation: Math.sqrt(items * itemVariance), confidence });
}

function sentenceOf(verdict: Verdict, { estimate, low, high }: Interval, a: string, b: string): string {
  const range = `${low.toFixed(3)}, ${high.toFixed(3)}`;
  if (verdict === 'cannot be told apart')
    return `${a} and ${b} cannot be told apart: difference ${estimate.toFixed(3)} [${range}]`;
  const [first, second] = verdict === 'A better' ? [a, b] : [b, a];
  const ends = estimate < 0 ? `${(-high).toFixed(3)}, ${(-low).toFixed(3)}` : range;
  return `${first} better than ${second} by ${Math.abs(estimate).toFixed(3)} [${ends}]`;
}
