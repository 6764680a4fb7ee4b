import { expect, test } from 'vitest';
import { removeDeadCode } from './dead-code.ts';
import { productsToBroadcasts, simplify } from './simplify.ts';
import { graphOf, ops } from './testing/graph-of.ts';

test('x + 0, x · 1, x / 1, x − 0 and reshapes to the same shape are x', () => {
  const graph = graphOf((b, x) => {
    const [zero, one] = [b.scalar(0, 'float32'), b.scalar(1, 'float32')];
    const same = b.reshape(b.reshape(b.binary('Add', x, zero), [6]), [2, 3]);
    return [b.unary('Neg', b.binary('Sub', b.binary('Div', b.binary('Mul', one, same), one), zero))];
  });
  while (simplify(graph));
  removeDeadCode(graph);
  expect(ops(graph)).toEqual(['Neg']);
  expect(graph.nodes.at(-1)!.inputs).toEqual([graph.inputs[0]!.value]);
});

test('a sum with zero that also broadcasts stays a broadcast', () => {
  const graph = graphOf((b, _x, _y, row) => [b.binary('Add', row, b.constant(0, [2, 3], 'float32'))]);
  expect(simplify(graph)).toBe(false);
  expect(productsToBroadcasts(graph)).toBe(true);
  expect(ops(graph)).toEqual(['Expand']);
});
