/** Counts, searches and scatters by value. */
import { int, sizeOf, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { Lowering, Lowerings } from '../lowering.ts';

/** How often each number below `size` occurs in a row; larger numbers fall into a last place that is cut off. */
const count: Lowering = (b, { kernel, inputs, attrs }) => {
  const [x, weights] = [inputs['x']!, inputs['weights']!];
  const size = attrs['size'] as number;
  const dtype = b.dtype(weights);
  const shape = kernel === 'Bincount' ? [sizeOf(b.shape(x))] : b.shape(x);
  const [rows, n] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
  const places = b.node('Min', [b.cast(b.reshape(x, [rows, n]), 'int32'), b.scalar(size, 'int32')], [rows, n], 'int32');
  const isPresence = Boolean(attrs['binaryOutput']);
  const isWeighted = !isPresence && sizeOf(b.shape(weights)) > 0;
  const updates = isWeighted ? b.reshape(weights, [rows, n]) : b.constant(1, [rows, n], dtype);
  const out = [rows, size + 1];
  const counts = b.node('ScatterElements', [b.constant(0, out, dtype), places, updates], out, dtype, {
    axis: int(1),
    ...(isPresence ? {} : { reduction: text('add') }),
  });
  const cut = b.slice(counts, [0], [size], [1], [1], [rows, size]);
  return b.reshape(cut, [...shape.slice(0, -1), size]);
};

/** The place of every value in a sorted row is the number of elements before it. */
function search(b: GraphBuilder, sorted: number, values: number, side: 'left' | 'right'): number {
  const [rows, n] = b.shape(sorted) as [number, number];
  const m = b.shape(values)[1]!;
  const operands = [b.reshape(sorted, [rows, 1, n]), b.reshape(values, [rows, m, 1])] as const;
  const isBefore = b.binary(side === 'left' ? 'Less' : 'LessOrEqual', ...operands, 'bool');
  const ones = b.cast(isBefore, 'int32');
  return b.node('ReduceSum', [ones, b.int64s([2])], [rows, m], 'int32', { keepdims: int(0) });
}

const searchOn =
  (side?: 'left' | 'right'): Lowering =>
  (b, { inputs, attrs }) =>
    search(b, inputs['sortedSequence']!, inputs['values']!, side ?? attrs['side']);

const sparseToDense: Lowering = (b, { inputs, attrs }) => {
  const [indices, values] = [inputs['sparseIndices']!, inputs['sparseValues']!];
  const shape = attrs['outputShape'] as number[];
  const rank = shape.length;
  const n = sizeOf(b.shape(indices)) / rank;
  const base = b.expand(b.reshape(inputs['defaultValue']!, []), shape);
  if (n === 0) return base;
  const places = b.cast(b.reshape(indices, [n, rank]), 'int64');
  const updates = b.expand(b.reshape(values, sizeOf(b.shape(values)) === 1 ? [1] : [n]), [n]);
  return b.node('ScatterND', [base, places, updates], shape, b.dtype(base));
};

/** The shape of two shapes broadcast together, computed with: the longer one stays where the other holds 1 or nothing. */
const broadcastArgs: Lowering = (b, { inputs }) => {
  const shapes = [inputs['s0']!, inputs['s1']!];
  const rank = Math.max(...shapes.map((shape) => sizeOf(b.shape(shape))));
  const [first, second] = shapes.map((shape) => {
    const missing = rank - sizeOf(b.shape(shape));
    if (missing === 0) return b.reshape(shape, [rank]);
    const ones = b.constant(1, [missing], 'int32');
    if (missing === rank) return ones;
    return b.node('Concat', [ones, b.reshape(shape, [rank - missing])], [rank], 'int32', { axis: int(0) });
  }) as [number, number];
  return b.where(b.binary('Equal', first, b.scalar(1, 'int32'), 'bool'), second, first);
};

export const countingLowerings: Lowerings = {
  Bincount: count,
  DenseBincount: count,
  SearchSorted: searchOn(),
  LowerBound: searchOn('left'),
  UpperBound: searchOn('right'),
  SparseToDense: sparseToDense,
  BroadcastArgs: broadcastArgs,
};
