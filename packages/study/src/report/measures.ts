import type { EvalRow, ScoredRow } from '@vlm/evals';
import { decimal } from './format-numbers.ts';
import { visionScoreItems } from './score-rows.ts';

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
  name: 'vision score',
  rows: (rows) => visionScoreItems(rows, 'image'),
  better: 'higher',
  scale: 100,
  digits: 1,
  unit: 'points',
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
  {
    name: 'open VQA',
    rows: (rows) =>
      rows.filter((row) => row.task === 'open-vqa' && row.split === 'new-scene' && row.condition === 'image'),
    better: 'higher',
    scale: 100,
    digits: 1,
    unit: 'points',
  },
  textMeasure,
];

/** @throws TypeError for a name that no measure has */
export function measureOf(name: string): Measure {
  const found = measures.find((measure) => measure.name === name);
  if (!found) throw new TypeError(`There is no measure "${name}".`);
  return found;
}

/** A difference in a measure's own unit with its sign: `+1.2`. */
export function signedDifference({ scale, digits }: Measure, value: number): string {
  const shown = decimal(scale * value, digits);
  return value > 0 && Number(shown) > 0 ? `+${shown}` : shown;
}
