import { expect, test } from 'vitest';
import { int } from '../ir/graph.ts';
import { cancelTransposes } from './cancel-transposes.ts';
import { removeDeadCode } from './dead-code.ts';
import { graphOf, ops } from './testing/graph-of.ts';

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
  expect(graph.nodes.at(-1)!.attributes['perm']).toEqual({ type: 'ints', value: [2, 1, 0] });
});
