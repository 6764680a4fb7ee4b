import { expect, test } from 'vitest';
import { distinctOutputs } from './distinct-outputs.ts';
import { graphOf, ops } from './testing/graph-of.ts';

test('outputs that are inputs, constants or each other are copied', () => {
  const graph = graphOf((b, x) => {
    const z = b.unary('Neg', x);
    return [x, b.scalar(1, 'float32'), z, z];
  });
  distinctOutputs(graph);
  expect(ops(graph)).toEqual(['Neg', 'Identity', 'Identity', 'Identity']);
  expect(new Set(graph.outputs.map(({ value }) => value)).size).toBe(4);
});
