/** Rows of one evaluated model, as a table. */
import { EvalsError } from '../errors.ts';
import { fixedAnswer } from '../scoring/vqa-normalise.ts';
import type { Condition, EvalRow } from '../types.ts';
import { bootstrapMean, mean } from './bootstrap.ts';
import { clustersOf } from './clusters.ts';
import type { Interval, ResamplingOptions } from './interval.ts';
import { wilsonInterval } from './wilson.ts';

/** One line of the table. `split` and `type` are `all` where lines are pooled. */
export interface Summary {
  task: string;
  split: string;
  type: string;
  condition: Condition;
  n: number;
  /** Wilson's interval where every score is 0 or 1, else the bootstrap's over items; over clusters where rows share them. */
  score: Interval;
  /** What a random guess is expected to score. */
  chance?: number;
  /** The best constant answer's score on the same items. */
  majority?: number;
  /** Where the majority answers were counted. */
  majorityFrom?: 'training' | 'test' | 'training and test';
  /** Means of the further scores. */
  scores: Record<string, number>;
  answers: AnswerShares;
}

/** What was answered: a model that always says the same shows it here. */
export interface AnswerShares {
  /** How many answers are yes; absent unless each is yes or no. */
  shareOfYes?: number;
  distinct: number;
  /** The most frequent answers, normalised, with their shares. */
  top: { answer: string; share: number }[];
}

export interface SummaryOptions extends ResamplingOptions {
  /** Answers listed per line, default 5. */
  topAnswers?: number;
}

/**
 * Sums rows up per task, split, question type and condition, and pooled over types, over splits and over both (`all`).
 * @param rows of one model (one seed); several tasks at once are fine
 * @returns lines in the order in which their rows come, the pooled ones first; majority and chance stand beside every line
 * @throws EvalsError EMPTY_SET without rows
 * @example summarise(rows, { seed: 7 }).find((line) => line.condition === 'image' && line.split === 'all' && line.type === 'all')
 */
export function summarise(rows: readonly EvalRow[], options: SummaryOptions): Summary[] {
  if (rows.length === 0) throw new EvalsError('EMPTY_SET', 'Summary: expected at least one row, got none.');
  const groups = new Map<string, { key: [string, string, string]; conditions: Map<Condition, EvalRow[]> }>();
  for (const pooled of [
    { split: true, type: true },
    { split: false, type: true },
    { split: true, type: false },
    { split: false, type: false },
  ])
    for (const row of rows) {
      // Benchmarks call a kind of question `all` where they have one alone: it would be counted twice.
      if ((!pooled.split && row.split === 'all') || (!pooled.type && row.type === 'all')) continue;
      const key: [string, string, string] = [
        row.task,
        pooled.split ? 'all' : row.split,
        pooled.type ? 'all' : row.type,
      ];
      const name = JSON.stringify(key);
      const group = groups.get(name) ?? { key, conditions: new Map<Condition, EvalRow[]>() };
      groups.set(name, group);
      const own = group.conditions.get(row.condition);
      if (own) own.push(row);
      else group.conditions.set(row.condition, [row]);
    }
  return [...groups.values()].flatMap(({ key: [task, split, type], conditions }) =>
    [...conditions].map(([condition, own]) => ({
      task,
      split,
      type,
      condition,
      n: own.length,
      score: scoreOf(own, { ...options, seed: `${options.seed}/${task}/${split}/${type}/${condition}` }),
      ...chanceOf(own),
      ...majorityOf(conditions.get('majority')),
      scores: scoresOf(own),
      answers: answerShares(own, options.topAnswers),
    })),
  );
}

function scoreOf(rows: readonly EvalRow[], options: ResamplingOptions): Interval {
  const scores = rows.map(({ score }) => score);
  const clusters = clustersOf(rows);
  if (clusters) return scoreOfClusters(rows, clusters, options);
  if (rows.some(({ weight }) => weight !== undefined))
    return bootstrapMean(scores, { ...options, weights: rows.map(({ weight = 1 }) => weight) });
  return scores.every((score) => score === 0 || score === 1)
    ? wilsonInterval(
        scores.reduce<number>((sum, score) => sum + score, 0),
        scores.length,
        options.confidence,
      )
    : bootstrapMean(scores, options);
}

function scoreOfClusters(
  rows: readonly EvalRow[],
  clusters: readonly (string | number)[],
  options: ResamplingOptions,
): Interval {
  const scores = rows.map(({ score }) => score);
  const [first] = scores as [number];
  if ((first === 0 || first === 1) && scores.every((score) => score === first)) {
    const count = new Set(clusters).size; // all right is not surely right
    return { ...wilsonInterval(first * count, count, options.confidence), n: rows.length };
  }
  const weights = rows.some(({ weight }) => weight !== undefined) ? rows.map(({ weight = 1 }) => weight) : undefined;
  return bootstrapMean(scores, { ...options, weights, clusters });
}

function chanceOf(rows: readonly EvalRow[]): { chance?: number } {
  const chances = rows.flatMap(({ chance }) => (chance === undefined ? [] : [chance]));
  return chances.length === rows.length ? { chance: mean(chances) } : {};
}

function majorityOf(rows: readonly EvalRow[] | undefined): Pick<Summary, 'majority' | 'majorityFrom'> {
  if (!rows) return {};
  const from = new Set(rows.map(({ countedOn }) => countedOn));
  return {
    majority: mean(rows.map(({ score }) => score)),
    majorityFrom: from.size > 1 ? 'training and test' : from.has('training') ? 'training' : 'test',
  };
}

/** Means over the rows that have a score of the name. */
function scoresOf(rows: readonly EvalRow[]): Record<string, number> {
  const names = new Set(rows.flatMap(({ scores }) => Object.keys(scores ?? {})));
  return Object.fromEntries(
    [...names].map((name) => {
      const having = rows.filter(({ scores }) => scores?.[name] !== undefined);
      return [name, mean(having.map(({ scores }) => scores![name]!))];
    }),
  );
}

/**
 * How answers are distributed, normalised as VQA answers are.
 * @example answerShares([{ output: 'Yes.' }, { output: 'no' }]).shareOfYes // 0.5
 */
export function answerShares(rows: readonly { output: string }[], top = 5): AnswerShares {
  const counts = new Map<string, number>();
  for (const { output } of rows) {
    const answer = fixedAnswer(output);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  const yesOrNo = (counts.get('yes') ?? 0) + (counts.get('no') ?? 0);
  return {
    ...(yesOrNo > 0 && yesOrNo === rows.length ? { shareOfYes: (counts.get('yes') ?? 0) / yesOrNo } : {}),
    distinct: counts.size,
    top: [...counts]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, top)
      .map(([answer, count]) => ({ answer, share: count / rows.length })),
  };
}
