import { expect, test } from 'vitest';
import { type Graph, int } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { optimise } from './optimise.ts';
import { splitProducts } from './split-products.ts';
import { ops } from './testing/graph-of.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const gemm = (b: GraphBuilder, x: number, y: number, shape: number[], transA = 0, transB = 0) =>
  b.node('Gemm', [x, y], shape, 'float32', { transA: int(transA), transB: int(transB) });

/** x [6, 4] and a weight [5, 4]. */
function graphOf(build: (b: GraphBuilder, x: number, weight: number) => number[], rows = 6): Graph {
  const b = new GraphBuilder();
  const outputs = build(b, b.input('x', f32(rows, 4)), b.input('weight', f32(5, 4)));
  b.graph.outputs = outputs.map((value, i) => ({ name: `out${i}`, value }));
  return b.graph;
}
const halves = (b: GraphBuilder, x: number, rows = 6) =>
  b.nodes('Split', [x, b.int64s([2, 3])], [f32(rows, 2), f32(rows, 3)], { axis: int(1) });

test('a product that is split becomes products with parts of the weight', () => {
  const graph = graphOf((b, x, weight) => halves(b, gemm(b, x, weight, [6, 5], 0, 1)).map((y) => b.unary('Neg', y)));
  optimise(graph);
  expect(ops(graph).sort()).toEqual(['Gemm', 'Gemm', 'Neg', 'Neg', 'Split']);
  const split = graph.nodes.find(({ op }) => op === 'Split')!;
  expect(split.inputs[0]).toBe(graph.inputs[1]!.value);
  expect(split.attributes['axis']).toEqual(int(0));
  expect(graph.values[split.outputs[1]!]!.shape).toEqual([3, 4]);
});

test('a joined operand becomes a sum of products, and the gradient of its weight is joined instead', () => {
  const graph = graphOf((b, x, weight) => {
    const parts = halves(b, b.unary('Exp', b.node('Gemm', [x, weight], [6, 5], 'float32', { transB: int(1) })));
    const joined = b.node(
      'Concat',
      parts.map((part) => b.unary('Neg', part)),
      [6, 5],
      'float32',
      { axis: int(1) },
    );
    return [gemm(b, joined, weight, [6, 4]), gemm(b, joined, x, [5, 4], 1)];
  });
  expect(splitProducts(graph)).toBe(true);
  const concat = graph.nodes.filter(({ op, outputs }) => op === 'Concat' && outputs[0] === graph.outputs[1]!.value);
  expect(concat).toHaveLength(1);
  expect(concat[0]!.attributes['axis']).toEqual(int(0));
  const sum = graph.nodes.find(({ outputs }) => outputs[0] === graph.outputs[0]!.value)!;
  expect(sum.op).toBe('Add');
  optimise(graph);
  expect(ops(graph).filter((op) => op === 'Gemm')).toHaveLength(5);
});

test('few rows, a product used elsewhere and a joined operand used elsewhere stay', () => {
  expect(splitProducts(graphOf((b, x, w) => halves(b, gemm(b, x, w, [3, 5], 0, 1), 3), 3))).toBe(false);
  const shared = graphOf((b, x, w) => {
    const y = gemm(b, x, w, [6, 5], 0, 1);
    return [...halves(b, y), b.unary('Neg', y)];
  });
  expect(splitProducts(shared)).toBe(false);
  const alsoRead = graphOf((b, x, w) => {
    const joined = b.node('Concat', [x, x], [6, 8], 'float32', { axis: int(1) });
    return [b.unary('Neg', joined), gemm(b, joined, b.constant(1, [8, 4], 'float32'), [6, 4]), w];
  });
  expect(splitProducts(alsoRead)).toBe(false);
});
