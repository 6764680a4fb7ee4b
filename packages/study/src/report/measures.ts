import type { EvalRow, ScoredRow } from '@vlm/evals';
import { decimal } from './format-numbers.ts';
import { meanScoreItems, sixTaskScore, visionScoreTask } from './score-rows.ts';

/** A quantity that arms are compared by, item by item. */
export interface Measure {
  name: string;
  rows(rows: readonly EvalRow[]): ScoredRow[];
  better: 'higher' | 'lower';
  /** Factor and digits with which it is shown. */
  scale: number;
  digits: number;
  /** What one unit is called. */
  unit: string;
}

export const visionMeasure: Measure = {
  name: visionScoreTask,
  rows: (rows) => meanScoreItems(visionScoreTask, rows, 'image'),
  better: 'higher',
  scale: 100,
  digits: 1,
  unit: 'points',
};

/** The twins of the paper's own six tasks: whether an answer by the vision score holds by them. */
export const sixTaskMeasure: Measure = {
  ...visionMeasure,
  name: sixTaskScore,
  rows: (rows) => meanScoreItems(sixTaskScore, rows, 'image'),
};

export const textMeasure: Measure = {
  name: 'bits per byte',
  rows: (rows) => rows.filter((row) => row.task === 'bits-per-byte'),
  better: 'lower',
  scale: 1,
  digits: 3,
  unit: 'bits per byte',
};

export const measures: readonly Measure[] = [
  visionMeasure,
  sixTaskMeasure,
  { ...taskMeasure('open-vqa'), name: 'open VQA' },
  textMeasure,
];

/** A task by itself: its score on new scenes with the item's own picture, in per cent. */
export function taskMeasure(task: string): Measure {
  return {
    ...visionMeasure,
    name: task,
    rows: (rows) => rows.filter((row) => row.task === task && row.split === 'new-scene' && row.condition === 'image'),
  };
}

const seenSuffix = ', seen';
export const seenName = (measure: string): string => `${measure}${seenSuffix}`;
export const isSeenPart = (measure: string): boolean => measure.endsWith(seenSuffix);

/**
 * What of a measure comes from looking: each item's score less the same item's with another item's picture. A habit that fits the answers better, such
 * as boxes of the usual place, is in both.
 */
export function seenPart(measure: Measure): Measure {
  return {
    ...measure,
    name: seenName(measure.name),
    rows: (rows) => {
      const other = rows.filter(({ condition }) => condition === 'wrong-image');
      const scores = new Map(
        measure.rows(other.map((row) => ({ ...row, condition: 'image' }))).map(({ id, score }) => [id, score]),
      );
      return measure.rows(rows).flatMap((row) => {
        const blind = scores.get(row.id);
        return blind === undefined ? [] : [{ ...row, score: row.score - blind }];
      });
    },
  };
}

/** The measure of that name; any other name is a task's. */
export const measureOf = (name: string): Measure =>
  measures.find((measure) => measure.name === name) ?? taskMeasure(name);

/** A difference in a measure's own unit with its sign: `+1.2`. */
export function signedDifference({ scale, digits }: Measure, value: number): string {
  const shown = decimal(scale * value, digits);
  return value > 0 && Number(shown) > 0 ? `+${shown}` : shown;
}
