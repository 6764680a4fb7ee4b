import { int } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';

/** @returns float32 [number of arrays]: the sum of squares of each, rows first so that a device adds them side by side */
export function sumsOfSquares(b: GraphBuilder, arrays: readonly number[]): number {
  const sums = arrays.map((array) => {
    const square = b.binary('Mul', array, array);
    const { length: rank } = b.shape(square);
    const rows = rank > 1 ? sum(b, square, [rank - 1], b.shape(square).slice(0, -1)) : square;
    const left = b.shape(rows).map((_, axis) => axis);
    return b.reshape(left.length ? sum(b, rows, left, []) : rows, [1]);
  });
  if (sums.length === 1) return sums[0]!;
  return b.nodes('Concat', sums, [{ shape: [sums.length], dtype: 'float32' }], { axis: int(0) })[0]!;
}

const sum = (b: GraphBuilder, x: number, axes: readonly number[], shape: readonly number[]): number =>
  b.node('ReduceSum', [x, b.int64s(axes)], shape, 'float32', { keepdims: int(0) });
