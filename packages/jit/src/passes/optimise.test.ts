import { expect, test } from 'vitest';
import { optimise } from './optimise.ts';
import { graphOf, ops } from './testing/graph-of.ts';

test('together they leave nothing more to do', () => {
  const graph = graphOf((b, x, y, row) => {
    const sum = b.binary('Add', b.binary('Mul', b.expand(row, [2, 3]), b.constant(1, [2, 3], 'float32')), y);
    return [b.transpose(b.transpose(sum, [1, 0]), [1, 0]), b.unary('Exp', b.binary('Sub', x, b.scalar(0, 'float32')))];
  });
  optimise(graph);
  expect(ops(graph)).toEqual(['Add', 'Exp']);
  const once = structuredClone(graph.nodes);
  optimise(graph);
  expect(graph.nodes).toEqual(once);
});
