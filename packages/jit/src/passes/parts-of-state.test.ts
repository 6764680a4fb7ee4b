import { expect, test } from 'vitest';
import { int } from '../ir/graph.ts';
import { GraphBuilder } from '../ir/graph-builder.ts';
import { partsOfState } from './parts-of-state.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

/** w [4, 3] split along an axis into two, and the sums of each with itself joined again. */
function splitAndJoin(axis: 0 | 1) {
  const b = new GraphBuilder();
  const w = b.input('param:w', f32(4, 3));
  const shapes = axis === 0 ? [f32(1, 3), f32(3, 3)] : [f32(4, 1), f32(4, 2)];
  const lengths = b.int64s(shapes.map(({ shape }) => shape[axis]!));
  const parts = b.nodes('Split', [w, lengths], shapes, { axis: int(axis) });
  const sums = parts.map((part) => b.binary('Add', part, part));
  const joined = b.nodes('Concat', sums, [f32(4, 3)], { axis: int(axis) })[0]!;
  b.graph.outputs = [{ name: 'gradient:w', value: joined }];
  return { b, joined, sums };
}

test('rows of inputs and outputs are passed as they lie in memory', () => {
  const { b } = splitAndJoin(0);
  const parts = partsOfState(b.graph, () => true);
  expect(parts).toEqual({
    'param:w/0': { of: 'param:w', offset: 0, shape: [1, 3] },
    'param:w/1': { of: 'param:w', offset: 3, shape: [3, 3] },
    'gradient:w/0': { of: 'gradient:w', offset: 0, shape: [1, 3] },
    'gradient:w/1': { of: 'gradient:w', offset: 3, shape: [3, 3] },
  });
  expect(b.graph.nodes.map(({ op }) => op)).toEqual(['Add', 'Add']);
  expect(b.graph.inputs.map(({ name }) => name)).toEqual(['param:w', 'param:w/0', 'param:w/1']);
  expect(b.graph.outputs.map(({ name }) => name)).toEqual(['gradient:w/0', 'gradient:w/1']);
});

test('columns, and what is no state, stay as they are', () => {
  for (const [axis, isState] of [
    [1, true],
    [0, false],
  ] as const) {
    const { b } = splitAndJoin(axis);
    const before = structuredClone(b.graph);
    expect(partsOfState(b.graph, () => isState)).toEqual({});
    expect(b.graph).toEqual(before);
  }
});

test('an output that is read again, or whose parts are no results of their own, stays whole', () => {
  const readAgain = splitAndJoin(0);
  readAgain.b.graph.outputs.push({ name: 'norm', value: readAgain.b.unary('Neg', readAgain.joined) });
  const twice = splitAndJoin(0);
  twice.b.graph.outputs.push({ name: 'part', value: twice.sums[0]! });
  for (const { b } of [readAgain, twice]) {
    partsOfState(b.graph, (name) => name.startsWith('gradient:'));
    expect(b.graph.outputs[0]!.name).toBe('gradient:w');
  }
});

test('a parameter may be called like the part of another', () => {
  const { b } = splitAndJoin(0);
  const other = b.input('param:w/0', f32(2));
  b.graph.outputs.push({ name: 'gradient:w/0', value: b.unary('Neg', other) });
  expect(Object.keys(partsOfState(b.graph, () => true))).toEqual([
    'param:w/0_',
    'param:w/1',
    'gradient:w/0_',
    'gradient:w/1',
  ]);
  const names = [...b.graph.inputs, ...b.graph.outputs].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
