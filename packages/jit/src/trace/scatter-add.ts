import { sizeOf, text } from '../ir/graph.ts';
import type { GraphBuilder } from '../ir/graph-builder.ts';

/**
 * ONNX Runtime shares a larger ScatterND among threads, and then rows that meet are summed in an order that changes from run to
 * run. Below about 200 000 numbers its cost model keeps to one thread, so a larger scatter is made of smaller ones: same inputs,
 * same bits. Each works in place on the result of the one before.
 */
const numbersAtOnce = 160_000;

/** How many of the rows of `shape` are added at a time. */
export function scatterSizes(shape: readonly number[]): number[] {
  const [rows] = shape as [number];
  const count = Math.max(1, Math.min(rows, Math.ceil(sizeOf(shape) / numbersAtOnce)));
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * rows) / count) - Math.floor((i * rows) / count));
}

/**
 * Adds rows to those that indices name, in the order of the rows; rows that meet are summed.
 * @param base any shape, its dtype that of the updates
 * @param indices int32 [rows, depth]
 * @param updates [rows, ...shape of `base` without its first `depth` axes]
 * @returns a value of the shape of `base`
 */
export function scatterAdd(b: GraphBuilder, base: number, indices: number, updates: number): number {
  const sizes = scatterSizes(b.shape(updates));
  const places = b.split(indices, sizes, 0);
  const parts = b.split(updates, sizes, 0);
  return parts.reduce(
    (sum, part, i) =>
      b.node('ScatterND', [sum, b.cast(places[i]!, 'int64'), part], b.shape(base), b.dtype(base), {
        reduction: text('add'),
      }),
    base,
  );
}
