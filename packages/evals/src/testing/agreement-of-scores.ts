/** POPE's figures, the two stable scores, DCLM's CORE and EXTENDED. */
import { dclmCore } from '../scoring/dclm-core.ts';
import { dclmCoreTasks, dclmTasks } from '../scoring/dclm-tasks.ts';
import { type PopeExample, popeScore, popeSplits } from '../scoring/pope.ts';
import { type StableTask, stableScore, textStableTasks, visionStableTasks } from '../scoring/stable-score.ts';
import { type AgreementCheck, check, refused } from './agreement-check.ts';

interface PopeCase {
  split: PopeExample['split'];
  p: number[];
  label: 'yes' | 'no';
}

export const popeChecks: readonly AgreementCheck[] = [
  check<{ examples: PopeCase[] }, Record<string, number | string | object>>({
    metric: 'POPE: accuracy, AUCROC, AUCPR by split and in all',
    file: 'pope_corpus',
    precision: '1e-12',
    got({ examples }) {
      const score = popeScore(examples.map(({ split, p: [yes, no], label }) => ({ split, yes: yes!, no: no!, label })));
      const figures = [['final', score] as const, ...popeSplits.map((split) => [split, score.bySplit[split]] as const)];
      return Object.fromEntries(
        figures.flatMap(([name, { accuracy, aucRoc, aucPr }]) => [
          [`POPE-${name}-Accuracy`, accuracy],
          [`POPE-${name}-AUCROC`, aucRoc],
          [`POPE-${name}-AUCPR`, aucPr],
        ]),
      );
    },
    expected: (value) =>
      'exception' in value
        ? refused
        : Object.fromEntries(
            Object.entries(value).map(([name, figure]) => [name, figure === 'NaN' ? Number.NaN : figure]),
          ),
    leftOut: {
      why: 'three probabilities, for which there is no place',
      is: ({ input }) => input.examples.some(({ p }) => p.length !== 2),
    },
  }),
];

type Results = Record<string, Record<string, number | null>>;

/** Files and metrics under which the authors' script looks for the tasks. */
const visionFiles: Record<string, [string, string]> = {
  pope: ['pope_pope-full', 'accuracy__POPE-final-Accuracy'],
  'ocid-ref': ['ocid-ref_ocid-ref-full', 'accuracy__OCIDRef-All'],
  refcoco: ['refcoco_refcoco-full', 'accuracy__RefCOCO'],
  'text-vqa': ['text-vqa_text-vqa-full', 'accuracy__TextVQA-Pure'],
  gqa: ['gqa_gqa-full', 'accuracy'],
  'vqa-v2': ['vqa-v2_vqa-v2-full', 'accuracy'],
};

/** Ours under the script's names. Where tasks are missing ours gives no score: the script's mean over the present ones is compared. */
function stable(
  accuracies: Record<string, number | null | undefined>,
  tasks: readonly StableTask[],
  nameOf: (task: string) => string,
): Record<string, unknown> {
  const got = stableScore(accuracies, tasks);
  const complete = tasks.every(({ task }) => typeof accuracies[task] === 'number');
  if ((got.score !== undefined) !== complete) return { scoredAlthoughIncomplete: got.missing };
  return {
    value: got.meanOfPresent ?? null,
    ...Object.fromEntries(Object.entries(got.perTask).map(([task, value]) => [`${nameOf(task)}-stable-score`, value])),
  };
}

/** Differences near zero: (accuracy − chance) is compared to 1e-12 of the accuracies' scale. */
const near = (value: unknown): unknown =>
  typeof value === 'number'
    ? Math.round(value * 1e12)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, own]) => [name, near(own)]))
      : value;

const listed = (message: string): unknown => JSON.parse(message.replace(/^[^[]*/, '').replaceAll("'", '"'));

export const aggregateChecks: readonly AgreementCheck[] = [
  check<Results, Record<string, unknown>>({
    metric: 'Vision Stable Score (no score where a task is missing)',
    file: 'stable_score_vision',
    precision: '1e-12',
    got: (input) =>
      near(
        stable(
          Object.fromEntries(
            Object.entries(visionFiles).map(([task, [file, metric]]) => [task, input[file]?.[metric]]),
          ),
          visionStableTasks,
          (task) => visionFiles[task]![0],
        ),
      ),
    expected: (value) => ('exception' in value ? refused : near(value)),
  }),
  check<Results & { results?: Results }, Record<string, unknown>>({
    metric: 'Text Stable Score (no score where a task is missing)',
    file: 'stable_score_text',
    precision: '1e-12',
    got(input) {
      const results = (input.results ?? input) as Results;
      const accuracies = Object.fromEntries(textStableTasks.map(({ task }) => [task, results[task]?.['acc,none']]));
      return near(stable(accuracies, textStableTasks, (task) => task));
    },
    expected: (value) => ('exception' in value ? refused : near(value)),
  }),
  check<{ version: string }, unknown>({
    metric: 'DCLM: tasks, categories, baselines',
    file: 'dclm_metadata',
    got: ({ version }) =>
      version === 'aggregation'
        ? dclmCoreTasks
        : Object.entries(dclmTasks).map(([task, { category, baseline, baselineV1 }]) => ({
            task,
            category,
            baseline: version === 'v1' ? (baselineV1 ?? baseline) : baseline,
          })),
    expected: (value, { input }) =>
      input.version === 'aggregation' ? (value as Record<string, unknown>)['low_variance_datasets'] : value,
  }),
  check<{ version: 'v1' | 'v2'; icl: Record<string, number> }, Record<string, unknown>>({
    metric: 'DCLM: CORE, EXTENDED, categories (or what is missing)',
    file: 'dclm_core',
    precision: '1e-12',
    got({ version, icl }, { expected }) {
      const { core, missingFromCore, extended, missing, categories } = dclmCore(icl, version);
      const names = Object.keys(expected['aggregated_task_categories_centered'] as object);
      return [
        core ?? missingFromCore,
        extended ?? missing,
        Object.fromEntries(names.map((name) => [name, categories[name] ?? Number.NaN])),
      ];
    },
    expected: (value, { input }) => [
      ...['Core', 'Extended'].map((name) => {
        const figure = value[`${name}_${input.version}`];
        return typeof figure === 'number' ? figure : listed(figure as string);
      }),
      Object.fromEntries(
        Object.entries(value['aggregated_task_categories_centered'] as Record<string, number | 'NaN'>).map(
          ([name, figure]) => [name, figure === 'NaN' ? Number.NaN : figure],
        ),
      ),
    ],
  }),
];
