import { backend_util, slice_util, type Tensor, util } from '@tensorflow/tfjs-core';
import { int, sizeOf } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { axesOf, axisOf, type Lowering, type Lowerings } from '../lowering.ts';
import { padWith } from './blocks.ts';

function concat(b: GraphBuilder, parts: readonly number[], axis: number): number {
  const length = parts.reduce((total, part) => total + b.shape(part)[axis]!, 0);
  const shape = b.shape(parts[0]!).with(axis, length);
  if (sizeOf(shape) === 0) return b.constant(0, shape, b.dtype(parts[0]!));
  const filled = parts.filter((part) => sizeOf(b.shape(part)) > 0);
  if (filled.length === 1) return filled[0]!;
  return b.node('Concat', filled, shape, b.dtype(filled[0]!), { axis: int(axis) });
}

/** What tfjs's checks read of a tensor. */
const infoOf = (b: GraphBuilder, x: number) => ({ shape: [...b.shape(x)], rank: b.shape(x).length }) as Tensor;

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
  const [begin, size] = slice_util.parseSliceParams(infoOf(b, x), attrs['begin'], attrs['size']) as [
    number[],
    number[],
  ];
  slice_util.assertParamsValid(infoOf(b, x), begin, size);
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
  const shape = info.finalShape.map((dimension) => Math.max(dimension, 0));
  return b.reshape(
    b.slice(
      x,
      info.begin,
      ends,
      axes,
      info.strides,
      sparse.map((size) => Math.max(size, 0)),
    ),
    shape,
  );
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
    const axis = axisOf(attrs['axis'], b.shape(parts[0]!).length);
    backend_util.assertParamsConsistent(
      parts.map((part) => [...b.shape(part)]),
      axis,
    );
    return concat(b, parts, axis);
  },
  Pack: (b, { inputs, attrs }) => {
    const parts = Object.values(inputs);
    const axis = axisOf(attrs['axis'], b.shape(parts[0]!).length + 1);
    for (const part of parts) {
      util.assertShapesMatch(
        [...b.shape(parts[0]!)],
        [...b.shape(part)],
        'All tensors passed to stack must have matching shapes',
      );
      util.assert(b.dtype(parts[0]!) === b.dtype(part), () => 'All tensors passed to stack must have matching dtypes');
    }
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
    return b.split(x, Array(b.shape(x)[axis]!).fill(1), axis).map((part) => b.reshape(part, shape));
  },
  SplitV: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const axis = axisOf(attrs['axis'], b.shape(x).length);
    return b.split(x, backend_util.prepareSplitSize(infoOf(b, x), attrs['numOrSizeSplits'], axis), axis);
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
