import { bootstrapRuns, clustersOf, type EvalRow, type ResamplingOptions, type ScoredRow } from '@vlm/evals';
import type { ArmScore, ScoreRow } from './results.ts';
import { mainMetric, meanScoreItems, meanScores } from './score-rows.ts';

/**
 * What an arm scores over all its seeds, row for row as `scoreRows` has it for one: the mean over seeds, with an interval that varies seeds and
 * items (`bootstrapRuns`). Further metrics and baselines that no seed moves have no interval of their own. What some seed does not have has no mean.
 *
 * @param runs answers of every seed, over the same items
 */
export function armScores(
  runs: readonly (readonly EvalRow[])[],
  perSeed: readonly (readonly ScoreRow[])[],
  options: ResamplingOptions,
): ArmScore[] {
  return perSeed[0]!.flatMap((row): ArmScore | [] => {
    const values = perSeed.flatMap((rows) => rows.find((other) => keyOf(other) === keyOf(row))?.value ?? []);
    if (values.length < perSeed.length) return [];
    const value = values.reduce((sum, one) => sum + one, 0) / values.length;
    const score = { ...row, value, perSeed: values };
    if (runs.length === 1) return score;
    const interval = varies(row) ? overSeeds(runs, row, options) : undefined;
    return interval ? { ...score, low: interval.low, high: interval.high } : { ...score, low: value, high: value };
  });
}

const keyOf = ({ task, split, type, condition, metric }: ScoreRow): string =>
  [task, split, type, condition, metric].join('\t');

function varies({ task, metric, condition }: ScoreRow): boolean {
  return condition !== 'chance' && condition !== 'majority' && (task in meanScores || metric === mainMetric(task));
}

function overSeeds(
  runs: readonly (readonly EvalRow[])[],
  row: ScoreRow,
  options: ResamplingOptions,
): { low: number; high: number } | undefined {
  const items = runs.map((rows) => itemsOf(rows, row));
  const first = items[0]!;
  const values = items.map((run) => {
    const byId = new Map(run.map(({ id, score }) => [id, score]));
    return first.flatMap(({ id }) => byId.get(id) ?? []);
  });
  if (values.some((run) => run.length !== first.length)) return undefined;
  return bootstrapRuns(values, {
    ...options,
    seed: `${options.seed}/${keyOf(row)}`,
    clusters: clustersOf(first),
    ...(first.some(({ weight }) => weight !== undefined) ? { weights: first.map(({ weight = 1 }) => weight) } : {}),
  });
}

function itemsOf(rows: readonly EvalRow[], { task, split, type, condition }: ScoreRow): ScoredRow[] {
  if (condition === 'chance') return [];
  if (task in meanScores) return meanScoreItems(task, rows, condition);
  return rows.filter(
    (row) =>
      row.task === task &&
      (split === 'all' || row.split === split) &&
      (type === 'all' || row.type === type) &&
      row.condition === condition,
  );
}
