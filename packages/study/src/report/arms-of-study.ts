import type { Arm } from '../recipe.ts';
import { timingLine } from '../sweeps/sweep.ts';
import type { ArmResult, ArmScore, ScoreRow, StudyResults } from './results.ts';
import { mainMetric, meanScores } from './score-rows.ts';

export type TrainedArm = ArmResult & { arm: Arm };

/** The arms that saw images, in the recipe's order. */
export function trainedArms({ arms }: Pick<StudyResults, 'arms'>): TrainedArm[] {
  return arms.filter((arm): arm is TrainedArm => arm.arm !== undefined);
}

/** How many seeds were evaluated so far. */
export const evaluatedSeeds = (results: Pick<StudyResults, 'arms'>): number =>
  new Set(trainedArms(results).flatMap(({ seeds }) => seeds)).size;

/** What the points and intervals of figures and tables are. */
export const estimateCaption = (results: Pick<StudyResults, 'arms'>): string =>
  evaluatedSeeds(results) === 1
    ? 'one seed, with a 95 % interval over its items'
    : 'mean over seeds with a 95 % interval over seeds and items';

/** The same of a figure, where single seeds are drawn too. */
export const pointsCaption = (results: Pick<StudyResults, 'arms'>): string =>
  `Points: ${estimateCaption(results)}${evaluatedSeeds(results) === 1 ? '' : '; small circles are single seeds'}.`;

/** The recipe's own text model, which never saw an image and was fine-tuned on nothing. */
export const textModelOf = ({ arms }: Pick<StudyResults, 'arms'>): ArmResult | undefined =>
  arms.find(({ id }) => id === 'text-model');

/**
 * The arms that lie on one line over the branch point: they change nothing else, and 0 and 100 % re-warm while the others go on. A recipe
 * without sweeps whose arms all change something more says itself what it compares: all of them are on the line.
 */
export function timingArms(results: Pick<StudyResults, 'arms' | 'recipe'>): TrainedArm[] {
  const line = timingLine(trainedArms(results));
  return line.length > 0 || results.recipe.sweeps ? line : trainedArms(results);
}

/** A score of an arm over all types of question unless one is named; by its task's main metric unless another is named. */
export function scoreOf(
  { scores }: Pick<ArmResult, 'scores'>,
  wanted: Partial<Pick<ScoreRow, 'split' | 'type' | 'metric'>> & Pick<ScoreRow, 'task' | 'condition'>,
): ArmScore | undefined {
  const { task, condition, type = 'all', metric = judgedBy(task), split } = wanted;
  return scores.find(
    (row) =>
      row.task === task &&
      row.condition === condition &&
      row.type === type &&
      row.metric === metric &&
      (split === undefined ? row.suite === 'text' || row.split === 'new-scene' : row.split === split),
  );
}

/** The one metric a task is judged by; the others stand in `scores.csv`. */
export const judgedBy = (task: string): string => (task in meanScores ? 'score' : mainMetric(task));

export const isMainMetric = ({ task, metric }: ScoreRow): boolean => metric === judgedBy(task);
