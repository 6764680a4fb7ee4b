import { expect, test } from 'vitest';
import { decimal, estimateCell } from './format-numbers.ts';
import { signedDifference, textMeasure, visionMeasure } from './measures.ts';
import type { ArmScore } from './results.ts';

test('a negative number has a minus sign, and what rounds to zero has none', () => {
  expect(decimal(-1.26, 1)).toBe('−1.3');
  expect(decimal(-0.04, 1)).toBe('0.0');
  expect(decimal(-0, 3)).toBe('0.000');
  expect(signedDifference(visionMeasure, -0.013)).toBe('−1.3');
  expect(signedDifference(visionMeasure, 0.0004)).toBe('0.0');
  expect(signedDifference(textMeasure, 0.0125)).toBe('+0.013');
});

test('an estimate stands with its interval and its seeds, in one unit', () => {
  const row: ArmScore = {
    suite: 'vision',
    task: 'vision-score',
    split: 'new-scene',
    type: 'all',
    condition: 'no-image',
    metric: 'score',
    value: -0.0131,
    low: -0.026,
    high: -0.0004,
    n: 1300,
    perSeed: [-0.016, -0.012],
  };
  expect(estimateCell(row)).toEqual({ text: '−1.3', note: '[−2.6, 0.0]', below: 'seeds −1.6 / −1.2' });
});
