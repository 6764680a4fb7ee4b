import type { TopLevelSpec } from 'vega-lite';
import { armModels, timingModels } from './arm-models.ts';
import { drawFigure, type FigureSpec } from './figure.ts';
import type { Condition, ScoreRow, StudyResults } from './results.ts';
import { mainMetric } from './score-rows.ts';
import { lossFigure, scheduleFigure } from './training-figures.ts';

export interface Figure {
  id: string;
  title: string;
  caption: string;
  svg: string;
}

/** Draws every figure of a report from its results. */
export async function drawFigures(results: StudyResults): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { id, title, caption, spec } of [
    visionFigure(results),
    openVqaFigure(results),
    textFigure(results),
    scheduleFigure(results),
    lossFigure(results),
    byTypeFigure(results),
  ]) {
    figures.push({ id, title, caption, svg: await drawFigure(spec) });
  }
  return figures;
}

const conditionNames: Record<Condition, string> = {
  image: 'its own picture',
  'no-image': 'no picture',
  'wrong-image': "another item's picture",
  majority: 'majority answer',
  chance: 'chance',
  text: 'text alone',
};
const conditionColours: Record<string, string> = {
  'its own picture': '#0b6e99',
  'no picture': '#d1495b',
  "another item's picture": '#edae49',
  'majority answer': '#8d99ae',
  chance: '#c5ccd6',
  'text alone': '#0b6e99',
};

const visionConditions = ['image', 'no-image', 'wrong-image', 'majority', 'chance'] as const;
const typeConditions = ['image', 'no-image', 'wrong-image', 'majority'] as const;

/** The order in which tasks are shown: the score that sums them up, then what was asked. */
const visionTaskOrder = [
  'vision score',
  'open-vqa',
  'relations',
  'reading',
  'existence',
  'counting',
  'grounding',
  'cluttered-grounding',
  'captioning',
];

/** `names`, those that begin as one of `order` first and in that order. */
function inOrder(order: readonly string[], names: readonly string[]): string[] {
  const rank = (name: string): number => {
    const found = order.findIndex((start) => name.startsWith(start));
    return found < 0 ? order.length : found;
  };
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b));
}

function visionFigure(results: StudyResults): FigureSpec {
  const values = rowsByBranchPoint(
    results,
    (row) => row.suite === 'vision' && row.split === 'new-scene' && row.type === 'all' && isMainMetric(row),
  );
  return {
    id: 'vision-by-branch-point',
    title: 'Vision against branch point (the paper’s Fig. 4, left)',
    caption:
      'Every task on new scenes, with 95 % intervals, beside the same model without the picture, with another item’s picture, and the majority answer. 100 % is the two-phase arm.',
    spec: {
      data: { values },
      facet: {
        field: 'task',
        type: 'nominal',
        title: null,
        sort: inOrder(
          visionTaskOrder,
          values.map((row) => row.task),
        ),
      },
      columns: 3,
      spec: { width: 200, height: 170, ...branchPointLayers(visionConditions) },
      resolve: { scale: { y: 'independent' } },
    } as TopLevelSpec,
  };
}

function openVqaFigure(results: StudyResults): FigureSpec {
  const values = rowsByBranchPoint(
    results,
    (row) => row.task === 'open-vqa' && row.type === 'all' && row.metric === 'accuracy',
  );
  return {
    id: 'open-vqa-by-split',
    title: 'Open questions: new scenes, a vendor never seen, and concepts never seen',
    caption: 'VQA accuracy. The gap between the blue line and the others is what the picture gives.',
    spec: {
      data: { values },
      facet: {
        field: 'split',
        type: 'nominal',
        title: null,
        columns: 3,
        sort: ['new-scene', 'new-vendor', 'new-concept'],
      },
      spec: { width: 220, height: 190, ...branchPointLayers(visionConditions, [0, 1]) },
    } as TopLevelSpec,
  };
}

function textFigure(results: StudyResults): FigureSpec {
  const values = rowsByBranchPoint(
    results,
    (row) =>
      row.suite === 'text' &&
      row.type === 'all' &&
      (row.condition === 'text' || row.condition === 'chance') &&
      isMainMetric(row),
  );
  const untouched = results.models
    .filter((model) => !model.arm)
    .flatMap((model) =>
      model.scores.filter(
        (row) => row.suite === 'text' && row.type === 'all' && row.condition === 'text' && isMainMetric(row),
      ),
    )
    .map((row) => ({ task: `${row.task} (${row.metric})`, value: row.value }));
  return {
    id: 'text-by-branch-point',
    title: 'Text against branch point (the paper’s Fig. 4, right)',
    caption:
      'Held-out bits per byte (lower is better) and multiple choice by log-likelihood. Dashed: the text model that never saw an image.',
    spec: {
      data: { values: [...values, ...untouched.map((row) => ({ ...row, untouched: row.value }))] },
      facet: { field: 'task', type: 'nominal', title: null },
      columns: 3,
      spec: {
        width: 170,
        height: 170,
        layer: [
          ...branchPointLayers(['text', 'chance']).layer,
          {
            transform: [{ filter: 'isValid(datum.untouched)' }],
            mark: { type: 'rule', strokeDash: [5, 4], color: '#1d2430' },
            encoding: { y: { field: 'untouched', type: 'quantitative' } },
          },
        ],
      },
      resolve: { scale: { y: 'independent' } },
    } as unknown as TopLevelSpec,
  };
}

function byTypeFigure(results: StudyResults): FigureSpec {
  const values = armModels(results)
    .filter((model) => model.seed === results.recipe.seeds[0])
    .flatMap((model) =>
      model.scores
        .filter(
          (row) =>
            row.suite === 'vision' &&
            row.split === 'new-scene' &&
            row.type !== 'all' &&
            row.condition !== 'chance' &&
            (row.task === 'open-vqa' || row.task === 'existence') &&
            isMainMetric(row),
        )
        .map((row) => ({
          arm: model.label,
          type: `${row.task}: ${row.type}`,
          condition: conditionNames[row.condition],
          value: row.value,
        })),
    );
  return {
    id: 'by-question-type',
    title: 'Where the points come from: question types',
    caption:
      'Accuracy on new scenes by type of question, each arm a dot; grey and red are what can be had without looking.',
    spec: {
      data: { values },
      width: 560,
      height: { step: 26 },
      mark: { type: 'point', filled: true, size: 46, opacity: 0.75 },
      encoding: {
        y: { field: 'type', type: 'nominal', title: null },
        x: {
          field: 'value',
          type: 'quantitative',
          title: 'accuracy',
          scale: { domain: [0, 1] },
          axis: { format: '.0%' },
        },
        color: {
          field: 'condition',
          type: 'nominal',
          title: null,
          legend: { labelLimit: 240 },
          scale: {
            domain: typeConditions.map((condition) => conditionNames[condition]),
            range: typeConditions.map((condition) => conditionColours[conditionNames[condition]]!),
          },
        },
      },
    } as TopLevelSpec,
  };
}

/** The one metric a task is judged by; the others stand in `scores.csv`. */
export function isMainMetric(row: ScoreRow): boolean {
  return row.metric === (row.task === 'vision score' ? 'score' : mainMetric(row.task));
}

function rowsByBranchPoint(results: StudyResults, wanted: (row: ScoreRow) => boolean) {
  return timingModels(results).flatMap((model) =>
    model.scores.filter(wanted).map((row) => ({
      branchPoint: model.arm.branchPoint,
      task: row.task === 'vision score' ? row.task : `${row.task} (${row.metric})`,
      seed: model.seed,
      split: row.split,
      condition: conditionNames[row.condition],
      value: row.value,
      low: row.low,
      high: row.high,
    })),
  );
}

/** Lines over branch point, one colour a condition; the interval is drawn for what the model saw and for what it did without. */
function branchPointLayers(conditions: readonly Condition[], domain?: [number, number]) {
  const names = conditions.map((condition) => conditionNames[condition]);
  const x = {
    field: 'branchPoint',
    type: 'quantitative',
    title: 'images enter at',
    scale: { domain: [0, 1] },
    axis: { format: '.0%', values: [0, 0.2, 0.4, 0.6, 0.8, 1] },
  };
  const color = {
    field: 'condition',
    type: 'nominal',
    title: null,
    scale: { domain: names, range: names.map((name) => conditionColours[name]!) },
    legend:
      names.length === 1
        ? null
        : {
            orient: 'bottom',
            columns: 5,
            labelLimit: 240,
            symbolOpacity: 1,
            symbolType: 'stroke',
            symbolStrokeWidth: 3,
          },
  };
  const detail = { field: 'seed', type: 'nominal' };
  const scale = domain ? { domain } : { zero: false };
  return {
    layer: [
      {
        transform: [
          {
            filter: {
              field: 'condition',
              oneOf: [conditionNames.image, conditionNames['no-image'], conditionNames.text],
            },
          },
        ],
        mark: { type: 'area', opacity: 0.15 },
        encoding: {
          x,
          y: { field: 'low', type: 'quantitative', title: null, scale },
          y2: { field: 'high' },
          color,
          detail,
        },
      },
      {
        mark: { type: 'line', strokeWidth: 2, point: { size: 26 } },
        encoding: { x, y: { field: 'value', type: 'quantitative', title: null, scale }, color, detail },
      },
    ],
  };
}
