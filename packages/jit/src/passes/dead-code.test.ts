import { expect, test } from 'vitest';
import { removeDeadCode } from './dead-code.ts';
import { graphOf, ops } from './testing/graph-of.ts';

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
