import { expect, test } from 'vitest';
import { graphOf } from './testing/graph-of.ts';
import { virtualBroadcasts } from './virtual-broadcasts.ts';

test('elementwise operators broadcast by themselves; a broadcast that gives the result its shape stays', () => {
  const graph = graphOf((b, x, _y, row) => {
    const wide = b.expand(row, [2, 3]);
    return [b.binary('Mul', wide, x), b.binary('Add', wide, row), b.binary('Mul', x, b.constant(2, [2, 3], 'float32'))];
  });
  expect(virtualBroadcasts(graph)).toBe(true);
  const [, product, sum, twice] = graph.nodes;
  const row = graph.inputs[2]!.value;
  expect(product!.inputs[0]).toBe(row);
  expect(sum!.inputs[0]).not.toBe(row);
  expect(graph.values[twice!.inputs[1]!]!.shape).toEqual([]);
});
