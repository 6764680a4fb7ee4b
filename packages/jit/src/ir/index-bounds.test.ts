import { expect, test } from 'vitest';
import { int } from './graph.ts';
import { GraphBuilder } from './graph-builder.ts';
import { indexBounds } from './index-bounds.ts';

function build(make: (b: GraphBuilder, ids: number, table: number) => unknown): Record<string, number> {
  const b = new GraphBuilder();
  const ids = b.input('ids', { shape: [4], dtype: 'int32' });
  make(b, ids, b.input('table', { shape: [5, 3], dtype: 'float32' }));
  return indexBounds(b.graph);
}
const gather = (b: GraphBuilder, table: number, ids: number, axis = 0): number =>
  b.node('Gather', [table, ids], [4, 3], 'float32', { axis: int(axis) });

test('an input that looks something up is bounded by the rows of its smallest table, along the axis', () => {
  expect(build((b, ids, table) => gather(b, table, ids))).toEqual({ ids: 5 });
  expect(build((b, ids, table) => gather(b, table, ids, -1))).toEqual({ ids: 3 });
  expect(build((b, ids, table) => [gather(b, table, ids, 1), gather(b, table, ids)])).toEqual({ ids: 3 });
});

test('also where it was moved first, or is the only coordinate', () => {
  expect(build((b, ids, table) => gather(b, table, b.cast(b.reshape(ids, [2, 2]), 'int64')))).toEqual({ ids: 5 });
  const one = (b: GraphBuilder, ids: number, table: number): number =>
    b.node('GatherND', [table, b.cast(b.reshape(ids, [4, 1]), 'int64')], [4, 3], 'float32', {});
  expect(build(one)).toEqual({ ids: 5 });
});

test('what is computed from it, or is one coordinate of several, is not', () => {
  const sum = (b: GraphBuilder, ids: number): number => b.binary('Add', ids, b.scalar(1, 'int32'), 'int32');
  expect(build((b, ids, table) => gather(b, table, sum(b, ids)))).toEqual({});
  const pairs = (b: GraphBuilder, ids: number, table: number): number =>
    b.node('GatherND', [table, b.cast(b.reshape(ids, [2, 2]), 'int64')], [2], 'float32', {});
  expect(build(pairs)).toEqual({});
  expect(build((b, ids) => sum(b, ids))).toEqual({});
});
