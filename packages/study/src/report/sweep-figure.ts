import { sweeps } from '../sweeps/index.ts';
import type { SweepName } from '../sweeps/names.ts';
import { pointsCaption, scoreOf, type TrainedArm, trainedArms } from './arms-of-study.ts';
import { conditionLegend } from './conditions.ts';
import type { Figure, LegendEntry } from './document.ts';
import { formatOf } from './format-numbers.ts';
import { seriesStyle } from './palette.ts';
import { drawPointFigure, type FigurePoint } from './point-figure.ts';
import type { Condition, StudyResults } from './results.ts';
import { visionScoreTask } from './score-rows.ts';
import { figurePoint } from './timing-figures.ts';

/** Arms of one sweep that were evaluated. */
export function armsOfSweep(results: StudyResults, name: SweepName): TrainedArm[] {
  const named = new Set(sweeps[name].arms(results.recipe).map(({ id }) => id));
  return trainedArms(results).filter(({ id }) => named.has(id));
}

const blindConditions: readonly Condition[] = ['image', 'no-image', 'wrong-image'];

/** Vision and text over what a sweep varies, in the form of the paper's figure of the same question. */
export function sweepFigure(results: StudyResults, name: SweepName): Promise<Figure> {
  const { axis, question, answers } = sweeps[name];
  const { recipe } = results;
  const arms = armsOfSweep(results, name);
  const place = ({ arm }: TrainedArm): string => axis.of(arm, recipe);
  const { series } = axis;
  const labels = series ? [...new Set(arms.map(({ arm }) => series(arm, recipe)))] : [];
  // With series of its own, a sweep shows what models score with their picture; otherwise also without and with another.
  const legend: LegendEntry[] = series
    ? labels.map((label, i) => ({ label, ...seriesStyle(i, labels.length) }))
    : [...blindConditions.map((condition) => conditionLegend[condition]), conditionLegend.text];
  const vision = arms.flatMap((arm): FigurePoint[] =>
    (series ? (['image'] as const) : blindConditions).flatMap((condition) => {
      const row = scoreOf(arm, { task: visionScoreTask, condition });
      const label = series ? series(arm.arm, recipe) : conditionLegend[condition].label;
      return row ? [figurePoint(place(arm), label, row)] : [];
    }),
  );
  const text = arms.flatMap((arm): FigurePoint[] => {
    const row = scoreOf(arm, { task: 'bits-per-byte', condition: 'text' });
    return row ? [figurePoint(place(arm), series ? series(arm.arm, recipe) : conditionLegend.text.label, row)] : [];
  });
  return drawPointFigure({
    id: `sweep-${name}-figure`,
    title: `${name}: ${question}`,
    caption: `${answers.startsWith('a control') ? 'A control that the paper does not have' : `The paper’s form: ${answers}`}. ${pointsCaption(results)}`,
    legend,
    xTitle: axis.title,
    places: [...new Set(arms.map(place))],
    isNominal: axis.isNominal,
    panels: [
      { title: 'Vision score (points)', ...formatOf('score'), points: vision },
      { title: 'Held-out text (bits per byte)', ...formatOf('bits-per-byte'), points: text },
    ],
  });
}
