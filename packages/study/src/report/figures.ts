import type { TopLevelSpec } from 'vega-lite';
import { mainSteps } from '../graph.ts';
import { drawFigure } from './figure.ts';
import { branchColours } from './palette.ts';
import type { Condition, CurvePoint, ModelResult, ScoreRow, StudyResults } from './results.ts';
import { mainMetric } from './score-rows.ts';

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

interface FigureSpec {
  id: string;
  title: string;
  caption: string;
  spec: TopLevelSpec;
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
const visionTaskOrder = ['vision score', 'open-vqa', 'existence', 'grounding', 'captioning'];

/** `names`, those that begin as one of `order` first and in that order. */
function inOrder(order: readonly string[], names: readonly string[]): string[] {
  const rank = (name: string): number => {
    const found = order.findIndex((start) => name.startsWith(start));
    return found < 0 ? order.length : found;
  };
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b));
}

/** The models that have an arm, in the recipe's order. */
export function armModels(results: StudyResults): (ModelResult & { arm: NonNullable<ModelResult['arm']> })[] {
  return results.models.filter(
    (model): model is ModelResult & { arm: NonNullable<ModelResult['arm']> } => model.arm !== undefined,
  );
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
      facet: { field: 'task', type: 'nominal', title: null, columns: 4 },
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

function scheduleFigure(results: StudyResults): FigureSpec {
  const { recipe } = results;
  const main = (results.mainCurves[0]?.points ?? []).map((point) => ({
    series: 'main run',
    tokens: point.tokens,
    lr: point.lr,
  }));
  const branches = firstSeedArms(results).flatMap((model) =>
    (model.curves.branch ?? []).map((point) => ({
      series: model.label,
      tokens: (model.branchTokens ?? 0) + point.tokens,
      lr: point.lr,
    })),
  );
  return {
    id: 'schedules',
    title: 'Learning rates of the main run and of every branch (the paper’s Fig. 3)',
    caption: `Continued branches start at the main run’s rate; those at 0 and 100 % warm up again. Main run: ${mainSteps(recipe)} steps.`,
    spec: {
      data: { values: [...main, ...branches] },
      width: 720,
      height: 230,
      mark: { type: 'line', strokeWidth: 2 },
      encoding: {
        x: { field: 'tokens', type: 'quantitative', title: 'tokens seen (main run + branch)', axis: { format: '~s' } },
        y: { field: 'lr', type: 'quantitative', title: 'learning rate', axis: { format: '.1e' } },
        color: seriesColour(results),
      },
    } as TopLevelSpec,
  };
}

function lossFigure(results: StudyResults): FigureSpec {
  const phases = [
    ...(results.mainCurves[0] ? [{ phase: '1 · text', series: 'main run', points: results.mainCurves[0].points }] : []),
    ...firstSeedArms(results).map((model) => ({
      phase: '2 · image-text',
      series: model.label,
      points: model.curves.branch ?? [],
    })),
    ...firstSeedArms(results).map((model) => ({
      phase: '3 · fine-tuning',
      series: model.label,
      points: model.curves.finetune ?? [],
    })),
  ];
  const values = phases.flatMap(({ phase, series, points }) =>
    smooth(points).map((point) => ({ phase, series, tokens: point.tokens, loss: point.loss })),
  );
  return {
    id: 'losses',
    title: 'Training loss in the three phases',
    caption:
      'Nats per token that carries loss, a running mean over a fiftieth of the phase. Losses of different phases are over different data.',
    spec: {
      data: { values },
      facet: { field: 'phase', type: 'nominal', title: null, columns: 3 },
      spec: {
        width: 230,
        height: 200,
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: {
          x: {
            field: 'tokens',
            type: 'quantitative',
            title: 'tokens of the phase',
            axis: { format: '~s', tickCount: 4 },
          },
          y: { field: 'loss', type: 'quantitative', title: 'loss', scale: { zero: false } },
          color: seriesColour(results),
        },
      },
      resolve: { scale: { x: 'independent', y: 'independent' } },
    } as TopLevelSpec,
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
  return armModels(results).flatMap((model) =>
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

function seriesColour(results: StudyResults) {
  const labels = firstSeedArms(results).map((model) => model.label);
  return {
    field: 'series',
    type: 'nominal',
    title: null,
    scale: { domain: ['main run', ...labels], range: ['#9aa4b2', ...branchColours(labels.length)] },
  };
}

function firstSeedArms(results: StudyResults) {
  return armModels(results).filter((model) => model.seed === results.recipe.seeds[0]);
}

/** Running mean over a fiftieth of the points, thinned to about two hundred. */
function smooth(points: readonly CurvePoint[]): CurvePoint[] {
  const window = Math.max(1, Math.floor(points.length / 50));
  const stride = Math.max(1, Math.floor(points.length / 200));
  const smoothed: CurvePoint[] = [];
  for (let i = 0; i < points.length; i += stride) {
    const part = points.slice(Math.max(0, i - window + 1), i + 1);
    smoothed.push({ ...points[i]!, loss: part.reduce((sum, point) => sum + point.loss, 0) / part.length });
  }
  return smoothed;
}
