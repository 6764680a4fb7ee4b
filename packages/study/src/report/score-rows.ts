import { bootstrapMean, clustersOf, type EvalRow, type ResamplingOptions, type Summary, summarise } from '@vlm/evals';
import type { ScoreRow } from './results.ts';

export const visionScoreTask = 'vision score';
export const sixTaskScore = 'six-task score';

/**
 * Means over tasks of (score − chance) on new scenes, undivided, as the paper's Vision Stable Score (open_lm scripts/compute_stable_score.py). The first
 * is what a study answers by; the second has the twins of the paper's own six: VQAv2, GQA, TextVQA, POPE, RefCOCO, OCID-Ref (why there are two:
 * docs/decisions/0013).
 */
export const meanScores: Readonly<Record<string, readonly string[]>> = {
  [visionScoreTask]: ['open-vqa', 'existence', 'grounding', 'captioning'],
  [sixTaskScore]: ['open-vqa', 'relations', 'reading', 'existence', 'grounding', 'cluttered-grounding'],
};

/** One model's answers as score rows: every task, split, type and condition, the baselines among them, and the means over tasks. */
export function scoreRows(rows: readonly EvalRow[], options: ResamplingOptions): ScoreRow[] {
  const summaries = summarise(rows, options);
  const scores: ScoreRow[] = [];
  const chanceSeen = new Set<string>();
  for (const summary of summaries) {
    if (summary.split === 'all' && summaries.some((other) => other.task === summary.task && other.split !== 'all'))
      continue;
    const suite = summary.condition === 'text' ? 'text' : 'vision';
    const { task, split, type, condition, n } = summary;
    const shared = { suite, task, split, type, condition, n } as const;
    const { estimate, low, high } = summary.score;
    scores.push({ ...shared, metric: mainMetric(task), value: estimate, low, high });
    for (const [metric, value] of Object.entries(summary.scores))
      scores.push({ ...shared, metric, value, low: value, high: value });
    for (const [metric, value] of answerMetrics(summary))
      scores.push({ ...shared, metric, value, low: value, high: value });
    const key = `${task}/${split}/${type}`;
    if (summary.chance !== undefined && !chanceSeen.has(key)) {
      chanceSeen.add(key);
      scores.push({
        ...shared,
        condition: 'chance',
        metric: mainMetric(task),
        value: summary.chance,
        low: summary.chance,
        high: summary.chance,
      });
    }
  }
  return [...scores, ...Object.keys(meanScores).flatMap((name) => scoresOfMean(name, rows, options))];
}

/** What a model said, whatever was right: one that always says the same shows it here. Boxes and captions are hardly ever said twice. */
function answerMetrics({ task, condition, answers }: Summary): [string, number][] {
  if (condition === 'text' || condition === 'majority' || /grounding|captioning/.test(task)) return [];
  const { shareOfYes, top, distinct } = answers;
  return [
    ...(shareOfYes === undefined ? [] : [['share-of-yes', shareOfYes] as [string, number]]),
    ['most-frequent-answer-share', top[0]?.share ?? 0],
    ['distinct-answers', distinct],
  ];
}

/** The primary score of a task. */
export function mainMetric(task: string): string {
  if (task === 'captioning') return 'object-f1';
  if (task === 'bits-per-byte') return 'bits-per-byte';
  return 'accuracy';
}

/** The items of one of {@link meanScores}, each with the weight that makes its task count once. */
export function meanScoreItems(
  name: string,
  rows: readonly EvalRow[],
  condition: EvalRow['condition'],
): { id: string; score: number; weight: number; cluster?: string }[] {
  const relevant = rows.filter(
    (row) => row.split === 'new-scene' && row.condition === condition && meanScores[name]!.includes(row.task),
  );
  const counts = new Map<string, number>();
  for (const row of relevant) counts.set(row.task, (counts.get(row.task) ?? 0) + 1);
  return relevant.map((row) => ({
    id: `${row.task}/${row.id}`,
    score: row.score - (row.chance ?? 0),
    weight: 1 / counts.get(row.task)!,
    ...(row.cluster === undefined ? {} : { cluster: row.cluster }),
  }));
}

function scoresOfMean(name: string, rows: readonly EvalRow[], options: ResamplingOptions): ScoreRow[] {
  const conditions = [...new Set(rows.filter((row) => row.condition !== 'text').map((row) => row.condition))];
  return conditions.flatMap((condition) => {
    const items = meanScoreItems(name, rows, condition);
    if (items.length === 0) return [];
    const { estimate, low, high, n } = bootstrapMean(
      items.map((item) => item.score),
      { ...options, weights: items.map((item) => item.weight), clusters: clustersOf(items) },
    );
    return [
      {
        suite: 'vision',
        task: name,
        split: 'new-scene',
        type: 'all',
        condition,
        metric: 'score',
        value: estimate,
        low,
        high,
        n,
      } as const,
    ];
  });
}
