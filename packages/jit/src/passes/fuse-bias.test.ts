import { expect, test } from 'vitest';
import { int } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';
import { fuseBias } from './fuse-bias.ts';
import { graphOf, ops } from './testing/graph-of.ts';

test('a bias joins its product, unless the product is used elsewhere', () => {
  const product = (b: GraphBuilder, x: number, y: number) =>
    b.node('Gemm', [x, y], [2, 3], 'float32', { transB: int(0) });
  const joined = graphOf((b, x, y, row) => [b.unary('Neg', b.binary('Add', product(b, x, y), row))]);
  expect(fuseBias(joined)).toBe(true);
  expect(ops(joined)).toEqual(['Gemm', 'Neg']);
  expect(joined.nodes[0]!.inputs[2]).toBe(joined.inputs[2]!.value);
  const shared = graphOf((b, x, y, row) => {
    const z = product(b, x, y);
    return [b.binary('Add', z, row), z];
  });
  expect(fuseBias(shared)).toBe(false);
});
