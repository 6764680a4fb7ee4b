import { hasMainRun } from '../graph.ts';
import { percentText } from '../sweeps/sweep.ts';
import {
  isMainMetric,
  judgedBy,
  pointsCaption,
  scoreOf,
  textModelOf,
  timingArms,
  trainedArms,
} from './arms-of-study.ts';
import { conditionLegend, inTaskOrder, visionConditions } from './conditions.ts';
import type { Figure, LegendEntry } from './document.ts';
import { formatOf, listed } from './format-numbers.ts';
import { ink } from './palette.ts';
import { drawPointFigure, type FigurePoint, type PointPanel } from './point-figure.ts';
import type { ArmScore, Condition, ScoreRow, StudyResults } from './results.ts';
import { meanScores, sixTaskScore, visionScoreTask } from './score-rows.ts';

const xTitle = 'images enter at';
const untouched: LegendEntry = { label: 'text model, no images', colour: ink('slate'), dash: [8, 3, 2, 3] };

/** Vision and text against the branch point, as the paper's Fig. 4 has them. */
export function headlineFigure(results: StudyResults): Promise<Figure> {
  const warmUps = hasMainRun(results.recipe) ? '0 and 100 % warm up again' : 'all warm up again';
  const vision = [visionScoreTask, sixTaskScore].filter((task) => visionTasks(results).includes(task));
  const title = (task: string): string => `${task.charAt(0).toUpperCase()}${task.slice(1)} (points)`;
  return drawPointFigure({
    id: 'headline',
    title: 'Vision and text against the branch point (the form of the paper’s Fig. 4)',
    caption: `${pointsCaption(results)} The vision score is the mean over ${listed(meanScores[visionScoreTask]!)} of score less chance; the six-task score that over the twins of the paper’s own six. 100 % is the two-phase arm; ${warmUps}. Fewer bits per byte are better.`,
    legend: [...visionConditions.slice(0, 3).map((name) => conditionLegend[name]), conditionLegend.text, untouched],
    xTitle,
    places: places(results),
    panels: [
      ...vision.map((task) =>
        conditionPanel(results, { task, split: 'new-scene', title: title(task) }, ['image', 'no-image', 'wrong-image']),
      ),
      textPanel(results, 'bits-per-byte', 'Held-out text (bits per byte)'),
    ],
  });
}

/** Every task on new scenes against the branch point (the paper's Fig. 9). */
export function taskFigure(results: StudyResults): Promise<Figure> {
  const tasks = inTaskOrder(visionTasks(results).filter((task) => !(task in meanScores)));
  return drawPointFigure({
    id: 'tasks',
    title: 'Every task on new scenes (the form of the paper’s Fig. 9)',
    caption:
      'Beside the same model without the picture, with another item’s picture, the majority answer and chance. Where the blue line is not above the others, the picture gives nothing.',
    legend: visionConditions.map((name) => conditionLegend[name]),
    xTitle,
    places: places(results),
    panels: tasks.map((task) =>
      conditionPanel(results, { task, split: 'new-scene', title: `${task} (${judgedBy(task)})` }, visionConditions),
    ),
  });
}

/** Open questions on what training has not seen. */
export function splitFigure(results: StudyResults): Promise<Figure> {
  const splits = ['new-scene', 'new-vendor', 'new-concept'].filter((split) =>
    trainedArms(results).some((arm) => scoreOf(arm, { task: 'open-vqa', condition: 'image', split })),
  );
  return drawPointFigure({
    id: 'splits',
    title: 'Open questions: new scenes, an art style never seen, and concepts never seen',
    caption: 'Accuracy. The gap between the blue line and the others is what the picture gives.',
    legend: visionConditions.map((name) => conditionLegend[name]),
    xTitle,
    places: places(results),
    panels: splits.map((split) => conditionPanel(results, { task: 'open-vqa', split, title: split }, visionConditions)),
  });
}

/** Text tasks against the branch point, with the text model that never saw an image. */
export function textFigure(results: StudyResults): Promise<Figure> {
  const rows = timingArms(results).flatMap(({ scores }) => scores);
  const tasks = new Set(rows.filter((row) => row.suite === 'text' && isMainMetric(row)).map(({ task }) => task));
  return drawPointFigure({
    id: 'text',
    title: 'Text against the branch point',
    caption: 'Held-out bits per byte (lower is better) and multiple choice by log-likelihood (per cent).',
    legend: [conditionLegend.text, conditionLegend.chance, untouched],
    xTitle,
    places: places(results),
    panels: [...tasks].map((task) => textPanel(results, task, `${task} (${judgedBy(task)})`)),
  });
}

/** Types of question against the branch point: where the points come from. */
export function typeFigures(results: StudyResults): Promise<Figure>[] {
  return ['open-vqa', 'existence'].flatMap((task) => {
    const types = new Set(
      timingArms(results).flatMap(({ scores }) =>
        scores
          .filter((row) => row.task === task && row.split === 'new-scene' && row.type !== 'all')
          .map(({ type }) => type),
      ),
    );
    if (types.size < 2) return [];
    return [
      drawPointFigure({
        id: `types-${task}`,
        title: `Where the points come from: ${task} by type of question, new scenes`,
        caption: 'Accuracy in per cent; the other lines are what can be had without looking.',
        legend: visionConditions.map((name) => conditionLegend[name]),
        xTitle,
        places: places(results),
        panels: [...types].map((type) =>
          conditionPanel(results, { task, split: 'new-scene', type, title: type }, visionConditions),
        ),
      }),
    ];
  });
}

const places = (results: StudyResults): string[] => [
  ...new Set(
    timingArms(results)
      .map(({ arm }) => arm.branchPoint)
      .sort((a, b) => a - b)
      .map(percentText),
  ),
];

function visionTasks(results: StudyResults): string[] {
  return timingArms(results).flatMap(({ scores }) =>
    scores.filter((row) => row.suite === 'vision' && row.split === 'new-scene').map(({ task }) => task),
  );
}

function conditionPanel(
  results: StudyResults,
  { title, ...wanted }: { title: string } & Pick<ScoreRow, 'task' | 'split'> & { type?: string },
  conditions: readonly Condition[],
): PointPanel {
  const points = timingArms(results).flatMap((arm) =>
    conditions.flatMap((condition) => {
      const row = scoreOf(arm, { ...wanted, condition });
      return row ? [figurePoint(percentText(arm.arm.branchPoint), conditionLegend[condition].label, row)] : [];
    }),
  );
  return { title, ...formatOf(judgedBy(wanted.task)), points };
}

function textPanel(results: StudyResults, task: string, title: string): PointPanel {
  const arms = timingArms(results);
  const model = textModelOf(results);
  const before = model && scoreOf(model, { task, condition: 'text' });
  const points = arms.flatMap((arm) => {
    const x = percentText(arm.arm.branchPoint);
    return (['text', 'chance'] as const).flatMap((condition) => {
      const row = scoreOf(arm, { task, condition });
      return row ? [figurePoint(x, conditionLegend[condition].label, row)] : [];
    });
  });
  const lines = before ? places(results).map((x) => ({ ...figurePoint(x, untouched.label, before), perSeed: [] })) : [];
  return { title, ...formatOf(judgedBy(task)), points: [...points, ...lines] };
}

/** A score at a place of a figure's axis; what no seed moves has no dots. */
export function figurePoint(x: string, series: string, { value, low, high, perSeed }: ArmScore): FigurePoint {
  return { x, series, value, low, high, perSeed: low === high ? [] : perSeed };
}
