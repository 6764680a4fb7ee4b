import { expect, test } from 'vitest';
import { foldConstants } from './fold-constants.ts';
import { graphOf, ops } from './testing/graph-of.ts';

test('what depends on fills alone is a fill', () => {
  const graph = graphOf((b) => {
    const ones = b.constant(1, [2, 3], 'float32');
    const threes = b.binary('Mul', ones, b.scalar(3, 'float32'));
    return [b.transpose(b.binary('Div', threes, b.scalar(0.7, 'float32')), [1, 0]), b.cast(threes, 'int32')];
  });
  expect(foldConstants(graph)).toBe(true);
  expect(ops(graph)).toEqual([]);
  expect(graph.outputs.map(({ value }) => graph.constants.get(value))).toEqual([Math.fround(3 / Math.fround(0.7)), 3]);
});
