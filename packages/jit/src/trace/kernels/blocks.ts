/** Operations that move blocks of elements about: space, batch and depth; mirrors; diagonals. */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, sizeOf } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { Lowering, Lowerings } from '../lowering.ts';

/** Takes rows of one axis by positions known now. */
export function take(b: GraphBuilder, x: number, axis: number, positions: readonly number[]): number {
  const shape = b.shape(x);
  if (positions.length === shape[axis] && positions.every((position, i) => position === i)) return x;
  const indices = b.constant(BigInt64Array.from(positions, BigInt), [positions.length], 'int64');
  return b.node('Gather', [x, indices], shape.with(axis, positions.length), b.dtype(x), { axis: int(axis) });
}

/** Constant padding; negative amounts cut. */
export function padWith(b: GraphBuilder, x: number, paddings: readonly (readonly number[])[], fill: number): number {
  if (paddings.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = b.shape(x).map((dimension, i) => dimension + paddings[i]![0]! + paddings[i]![1]!);
  if (sizeOf(b.shape(x)) === 0) return b.constant(fill, shape, b.dtype(x));
  const amounts = b.int64s([...paddings.map(([before]) => before!), ...paddings.map(([, after]) => after!)]);
  return b.node('Pad', [x, amounts, b.scalar(fill, b.dtype(x))], shape, b.dtype(x));
}

const spaceToBatch: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const { blockShape, paddings } = attrs as { blockShape: number[]; paddings: number[][] };
  const rest = b
    .shape(x)
    .slice(1 + blockShape.length)
    .map(() => [0, 0]);
  const padded = padWith(b, x, [[0, 0], ...paddings, ...rest], 0);
  const [shape, blocks] = [[...b.shape(padded)], sizeOf(blockShape)];
  const split = backend_util.getReshaped(shape, blockShape, blocks, false);
  const perm = backend_util.getPermuted(split.length, blockShape.length, false);
  const out = backend_util.getReshapedPermuted(shape, blockShape, blocks, false);
  return b.reshape(b.transpose(b.reshape(padded, split), perm), out);
};

const batchToSpace: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const { blockShape, crops } = attrs as { blockShape: number[]; crops: number[][] };
  const [shape, blocks] = [[...b.shape(x)], sizeOf(blockShape)];
  const split = backend_util.getReshaped(shape, blockShape, blocks);
  const perm = backend_util.getPermuted(split.length, blockShape.length);
  const joined = backend_util.getReshapedPermuted(shape, blockShape, blocks);
  const whole = b.reshape(b.transpose(b.reshape(x, split), perm), joined);
  const rest = joined.slice(1 + blockShape.length).map(() => [0, 0]);
  return padWith(b, whole, [[0, 0], ...crops.map((crop) => crop.map((amount) => -amount)), ...rest], 0);
};

const depthToSpace: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const s = attrs['blockSize'] as number;
  if (attrs['dataFormat'] === 'NCHW') {
    const [n, c, h, w] = b.shape(x) as [number, number, number, number];
    const blocks = b.reshape(x, [n, s, s, c / (s * s), h, w]);
    return b.reshape(b.transpose(blocks, [0, 3, 4, 1, 5, 2]), [n, c / (s * s), h * s, w * s]);
  }
  const [n, h, w, c] = b.shape(x) as [number, number, number, number];
  const blocks = b.reshape(x, [n, h, w, s, s, c / (s * s)]);
  return b.reshape(b.transpose(blocks, [0, 1, 3, 2, 4, 5]), [n, h * s, w * s, c / (s * s)]);
};

/** Where the elements of a mirrored axis come from. `reflect` does not repeat the edge, `symmetric` does. */
const mirrored = (length: number, before: number, after: number, mode: string): number[] => {
  const edge = mode === 'reflect' ? 0 : 1;
  return Array.from({ length: before + length + after }, (_, i) => {
    const at = i - before;
    if (at < 0) return -at - edge;
    return at < length ? at : 2 * length - at - 2 + edge;
  });
};

const mirrorPad: Lowering = (b, { inputs, attrs }) => {
  const paddings = attrs['paddings'] as [number, number][];
  return paddings.reduce(
    (x, [before, after], axis) => take(b, x, axis, mirrored(b.shape(x)[axis]!, before, after, attrs['mode'])),
    inputs['x']!,
  );
};

const diag: Lowering = (b, { inputs }) => {
  const x = inputs['x']!;
  const shape = b.shape(x);
  const n = sizeOf(shape);
  const identity = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  const row = b.reshape(x, [1, n]);
  const matrix = b.where(b.constant(identity, [n, n], 'bool'), row, b.scalar(0, b.dtype(x)));
  return b.reshape(matrix, [...shape, ...shape]);
};

export const blockLowerings: Lowerings = {
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
  DepthToSpace: depthToSpace,
  MirrorPad: mirrorPad,
  FlipLeftRight: (b, { inputs }) => {
    const width = b.shape(inputs['image']!)[2]!;
    return take(
      b,
      inputs['image']!,
      2,
      Array.from({ length: width }, (_, i) => width - 1 - i),
    );
  },
  Diag: diag,
};
