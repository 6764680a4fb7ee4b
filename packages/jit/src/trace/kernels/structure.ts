import { slice_util } from '@tensorflow/tfjs-core';
import { int, sizeOf } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { axesOf, axisOf, type Lowering, type Lowerings } from '../lowering.ts';
import { padWith } from './blocks.ts';

function concat(b: GraphBuilder, parts: readonly number[], axis: number): number {
  const filled = parts.filter((part) => sizeOf(b.shape(part)) > 0);
  if (filled.length === 0) return parts[0]!;
  if (filled.length === 1) return filled[0]!;
  const shape = [...b.shape(filled[0]!)];
  shape[axis] = filled.reduce((total, part) => total + b.shape(part)[axis]!, 0);
  return b.node('Concat', filled, shape, b.dtype(filled[0]!), { axis: int(axis) });
}

function split(b: GraphBuilder, x: number, sizes: readonly number[], axis: number): number[] {
  if (sizes.length === 1) return [x];
  const outputs = sizes.map((size) => ({ shape: b.shape(x).with(axis, size), dtype: b.dtype(x) }));
  return b.nodes('Split', [x, b.int64s(sizes)], outputs, { axis: int(axis) });
}

const reshape: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const size = sizeOf(b.shape(x));
  const shape = attrs['shape'] as number[];
  const known = shape.reduce((product, dimension) => (dimension === -1 ? product : product * dimension), 1);
  return b.reshape(
    x,
    shape.map((dimension) => (dimension === -1 ? size / known : dimension)),
  );
};

const slice: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const shape = b.shape(x);
  const rank = shape.length;
  const [beginAttr, sizeAttr] = [[attrs['begin']].flat() as number[], [attrs['size']].flat() as number[]];
  const begin = shape.map((_, i) => beginAttr[i] ?? 0);
  const size = shape.map((dimension, i) => {
    const asked = sizeAttr[i] ?? -1;
    return asked === -1 ? dimension - begin[i]! : asked;
  });
  const axes = axesOf(undefined, rank).filter((i) => begin[i] !== 0 || size[i] !== shape[i]);
  if (axes.length === 0) return x;
  const starts = axes.map((i) => begin[i]!);
  const ends = axes.map((i) => begin[i]! + size[i]!);
  return b.slice(x, starts, ends, axes, Array(axes.length).fill(1), size);
};

const stridedSlice: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const a = attrs as Record<string, number> & { begin: number[]; end: number[]; strides: number[] };
  const info = slice_util.sliceInfo(
    [...b.shape(x)],
    a.begin,
    a.end,
    a.strides,
    a['beginMask']!,
    a['endMask']!,
    a['ellipsisMask']!,
    a['newAxisMask']!,
    a['shrinkAxisMask']!,
  );
  if (info.isIdentity) return b.reshape(x, info.finalShape);
  const sparse = slice_util.computeOutShape(info.begin, info.end, info.strides);
  const axes = sparse.map((_, i) => i);
  // A step backwards past the first element has no index of its own in ONNX: −∞ stands for it.
  const ends = info.end.map((end, i) => (info.strides[i]! < 0 && end < 0 ? -(2 ** 31) : end));
  return b.reshape(b.slice(x, info.begin, ends, axes, info.strides, sparse), info.finalShape);
};

const pad: Lowering = (b, { inputs, attrs }) =>
  padWith(b, inputs['x']!, attrs['paddings'], Number(attrs['constantValue'] ?? 0));

export const structureLowerings: Lowerings = {
  Reshape: reshape,
  ExpandDims: (b, { inputs, attrs }) => {
    const shape = b.shape(inputs['input']!);
    const at = axisOf(attrs['dim'], shape.length + 1);
    return b.reshape(inputs['input']!, shape.toSpliced(at, 0, 1));
  },
  Transpose: (b, { inputs, attrs }) => b.transpose(inputs['x']!, attrs['perm']),
  BroadcastTo: (b, { inputs, attrs }) => b.expand(inputs['x']!, attrs['shape']),
  Tile: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const reps = attrs['reps'] as number[];
    const shape = b.shape(x).map((dimension, i) => dimension * reps[i]!);
    // Repeating ones is a broadcast, which costs nothing inside an elementwise operation.
    if (b.shape(x).every((dimension, i) => dimension === 1 || reps[i] === 1)) return b.expand(x, shape);
    return b.node('Tile', [x, b.int64s(reps)], shape, b.dtype(x));
  },
  Concat: (b, { inputs, attrs }) => {
    const parts = Object.values(inputs);
    return concat(b, parts, axisOf(attrs['axis'], b.shape(parts[0]!).length));
  },
  Pack: (b, { inputs, attrs }) => {
    const parts = Object.values(inputs);
    const axis = axisOf(attrs['axis'], b.shape(parts[0]!).length + 1);
    return concat(
      b,
      parts.map((part) => b.reshape(part, b.shape(part).toSpliced(axis, 0, 1))),
      axis,
    );
  },
  Unpack: (b, { inputs, attrs }) => {
    const x = inputs['value']!;
    const axis = axisOf(attrs['axis'], b.shape(x).length);
    const shape = b.shape(x).toSpliced(axis, 1);
    return split(b, x, Array(b.shape(x)[axis]!).fill(1), axis).map((part) => b.reshape(part, shape));
  },
  SplitV: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const axis = axisOf(attrs['axis'], b.shape(x).length);
    const total = b.shape(x)[axis]!;
    const asked = attrs['numOrSizeSplits'] as number | number[];
    if (typeof asked === 'number') return split(b, x, Array(asked).fill(total / asked), axis);
    const known = asked.reduce((sum, size) => sum + Math.max(size, 0), 0);
    return split(
      b,
      x,
      asked.map((size) => (size === -1 ? total - known : size)),
      axis,
    );
  },
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  Reverse: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const axes = axesOf(attrs['dims'], b.shape(x).length);
    const all = (value: number) => Array<number>(axes.length).fill(value);
    return axes.length ? b.slice(x, all(-1), all(-(2 ** 31)), axes, all(-1), b.shape(x)) : x;
  },
};
