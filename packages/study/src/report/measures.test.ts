import type { EvalRow } from '@vlm/evals';
import { expect, it } from 'vitest';
import { seenPart, taskMeasure, visionMeasure } from './measures.ts';

const row = (id: string, condition: EvalRow['condition'], score: number): EvalRow => ({
  id,
  task: 'grounding',
  split: 'new-scene',
  type: 'name',
  condition,
  prompt: '?',
  output: '',
  expected: '',
  score,
  chance: 0.1,
});

it('what is seen is what goes with the picture of another item, item by item', () => {
  const rows = [
    row('a', 'image', 1),
    row('a', 'wrong-image', 0),
    row('b', 'image', 1),
    row('b', 'wrong-image', 1),
    row('b', 'no-image', 0),
    row('c', 'image', 1),
  ];
  const seen = seenPart(taskMeasure('grounding'));
  expect(seen.name).toBe('grounding, seen');
  expect(seen.rows(rows).map(({ id, score }) => [id, score])).toEqual([
    ['a', 1],
    ['b', 0],
  ]);
  const inMean = seenPart(visionMeasure).rows(rows);
  expect(inMean.map(({ score, weight }) => [score, weight])).toEqual([
    [1, 1 / 3],
    [0, 1 / 3],
  ]);
  expect(seenPart(taskMeasure('grounding')).rows(rows.filter(({ condition }) => condition === 'image'))).toEqual([]);
});
