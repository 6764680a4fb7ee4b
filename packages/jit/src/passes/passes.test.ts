import { expect, test } from 'vitest';
import { type Graph, type IrNode, int } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { cancelTransposes } from './cancel-transposes.ts';
import { mergeCommonSubexpressions } from './common-subexpressions.ts';
import { removeDeadCode } from './dead-code.ts';
import { distinctOutputs } from './distinct-outputs.ts';
import { foldConstants } from './fold-constants.ts';
import { fuseBias } from './fuse-bias.ts';
import { optimise } from './optimise.ts';
import { productsToBroadcasts, simplify } from './simplify.ts';
import { virtualBroadcasts } from './virtual-broadcasts.ts';

/** A graph with inputs x [2, 3], y [2, 3], row [3] and the outputs that `build` returns. */
function graphOf(build: (b: GraphBuilder, x: number, y: number, row: number) => number[]): Graph {
  const b = new GraphBuilder();
  const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const outputs = build(b, b.input('x', f32(2, 3)), b.input('y', f32(2, 3)), b.input('row', f32(3)));
  b.graph.outputs = outputs.map((value, i) => ({ name: `out${i}`, value }));
  return b.graph;
}
const ops = (graph: Graph) => graph.nodes.map((node) => node.op);
const last = (graph: Graph) => graph.nodes.at(-1) as IrNode;

test('dead code goes, with its constants; inputs stay', () => {
  const graph = graphOf((b, x) => {
    b.binary('Add', b.unary('Exp', x), b.scalar(1, 'float32'));
    return [b.unary('Neg', x)];
  });
  expect(removeDeadCode(graph)).toBe(true);
  expect(ops(graph)).toEqual(['Neg']);
  expect(graph.constants.size).toBe(0);
  expect(graph.inputs).toHaveLength(3);
  expect(removeDeadCode(graph)).toBe(false);
});

test('equal nodes and equal constants are computed once; different attributes keep them apart', () => {
  const graph = graphOf((b, x) => {
    const plus = () => b.binary('Add', b.unary('Exp', x), b.scalar(1, 'float32'));
    const soft = (axis: number) => b.unary('Softmax', x, { axis: int(axis) });
    return [plus(), plus(), soft(0), soft(1)];
  });
  mergeCommonSubexpressions(graph);
  removeDeadCode(graph);
  expect(ops(graph)).toEqual(['Exp', 'Add', 'Softmax', 'Softmax']);
  expect(graph.outputs[0]!.value).toBe(graph.outputs[1]!.value);
});

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

test('x + 0, x · 1, x / 1, x − 0 and reshapes to the same shape are x', () => {
  const graph = graphOf((b, x) => {
    const [zero, one] = [b.scalar(0, 'float32'), b.scalar(1, 'float32')];
    const same = b.reshape(b.reshape(b.binary('Add', x, zero), [6]), [2, 3]);
    return [b.unary('Neg', b.binary('Sub', b.binary('Div', b.binary('Mul', one, same), one), zero))];
  });
  while (simplify(graph));
  removeDeadCode(graph);
  expect(ops(graph)).toEqual(['Neg']);
  expect(last(graph).inputs).toEqual([graph.inputs[0]!.value]);
});

test('a sum with zero that also broadcasts stays a broadcast', () => {
  const graph = graphOf((b, _x, _y, row) => [b.binary('Add', row, b.constant(0, [2, 3], 'float32'))]);
  expect(simplify(graph)).toBe(false);
  expect(productsToBroadcasts(graph)).toBe(true);
  expect(ops(graph)).toEqual(['Expand']);
});

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

test('transposes cancel, join, become reshapes, and become flags of products', () => {
  const graph = graphOf((b, x, y) => {
    const turn = (value: number) => b.transpose(value, [1, 0]);
    const product = b.node('Gemm', [turn(x), y], [3, 3], 'float32', { transA: int(0), transB: int(0) });
    const column = b.transpose(b.reshape(x, [6, 1]), [1, 0]);
    const deep = b.reshape(x, [1, 2, 3]);
    return [turn(turn(x)), product, column, b.transpose(b.transpose(deep, [2, 0, 1]), [0, 2, 1])];
  });
  cancelTransposes(graph);
  removeDeadCode(graph);
  const x = graph.inputs[0]!.value;
  expect(graph.outputs[0]!.value).toBe(x);
  const gemm = graph.nodes.find((node) => node.op === 'Gemm')!;
  expect(gemm.inputs[0]).toBe(x);
  expect(gemm.attributes).toEqual({ transA: int(1), transB: int(0) });
  expect(ops(graph)).toEqual(['Gemm', 'Reshape', 'Reshape', 'Reshape', 'Transpose']);
  expect(last(graph).attributes['perm']).toEqual({ type: 'ints', value: [2, 1, 0] });
});

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

test('outputs that are inputs, constants or each other are copied', () => {
  const graph = graphOf((b, x) => {
    const z = b.unary('Neg', x);
    return [x, b.scalar(1, 'float32'), z, z];
  });
  distinctOutputs(graph);
  expect(ops(graph)).toEqual(['Neg', 'Identity', 'Identity', 'Identity']);
  expect(new Set(graph.outputs.map(({ value }) => value)).size).toBe(4);
});

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
