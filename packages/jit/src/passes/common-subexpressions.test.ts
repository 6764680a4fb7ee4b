import { expect, test } from 'vitest';
import { int } from '../ir/graph.ts';
import { mergeCommonSubexpressions } from './common-subexpressions.ts';
import { removeDeadCode } from './dead-code.ts';
import { graphOf, ops } from './testing/graph-of.ts';

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
