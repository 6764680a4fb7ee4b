import { backend_util, gather_util, type Tensor, type TensorInfo } from '@tensorflow/tfjs-core';
import { int, sizeOf } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { axisOf, type Lowering, type Lowerings } from '../lowering.ts';
import { scatterAdd } from '../scatter-add.ts';

/** Adds rows of `updates` into zeros at `indices` [rows, depth]. */
function scatterIntoZeros(b: GraphBuilder, indices: number, updates: number, shape: readonly number[]): number {
  const zeros = b.constant(0, shape, b.dtype(updates));
  return sizeOf(b.shape(updates)) === 0 ? zeros : scatterAdd(b, zeros, indices, updates);
}

/** Indices as rows of numbers and updates to match, whatever leading axes they came with. */
function rowsOf(b: GraphBuilder, indices: number, updates: number, shape: readonly number[]): [number, number] {
  const at = b.shape(indices);
  const depth = at.length > 1 ? at.at(-1)! : 1;
  const count = sizeOf(at) / depth;
  return [b.reshape(indices, [count, depth]), b.reshape(updates, [count, ...shape.slice(depth)])];
}

const gather: Lowering = (b, { inputs, attrs }) => {
  const [x, indices] = [inputs['x']!, inputs['indices']!];
  const [shape, at] = [b.shape(x), b.shape(indices)];
  const axis = axisOf(attrs['axis'], shape.length);
  const asked = (attrs['batchDims'] as number | undefined) ?? 0;
  const batchDims = asked < 0 ? asked + at.length : asked;
  const info = (value: number) => ({ shape: [...b.shape(value)], rank: b.shape(value).length }) as Tensor;
  backend_util.segment_util.collectGatherOpShapeInfo(info(x), info(indices), axis, batchDims);
  const out = [...shape.slice(0, axis), ...at.slice(batchDims), ...shape.slice(axis + 1)];
  if (batchDims === 0) return b.node('Gather', [x, indices], out, b.dtype(x), { axis: int(axis) });
  // The gathered axis comes right behind the batch, and back to its place afterwards.
  const others = shape
    .map((_, i) => i)
    .slice(batchDims)
    .filter((i) => i !== axis);
  const before = others.filter((i) => i < axis).length;
  const batch = shape.map((_, i) => i).slice(0, batchDims);
  const front = b.transpose(x, [...batch, axis, ...others]);
  const deep = b.cast(b.reshape(indices, [...at, 1]), 'int64');
  const gathered = [...at, ...others.map((i) => shape[i]!)];
  const y = b.node('GatherND', [front, deep], gathered, b.dtype(x), { batch_dims: int(batchDims) });
  const rank = gathered.length;
  const places = Array.from({ length: rank }, (_, i) => i);
  const [found, rest] = [places.slice(batchDims, at.length), places.slice(at.length)];
  return b.transpose(y, [...batch, ...rest.slice(0, before), ...found, ...rest.slice(before)]);
};

const oneHot: Lowering = (b, { inputs, attrs }) => {
  const indices = inputs['indices']!;
  const depth = attrs['depth'] as number;
  const dtype = attrs['dtype'] === 'int32' ? 'int32' : attrs['dtype'] === 'bool' ? 'bool' : 'float32';
  const classes = b.constant(
    Int32Array.from({ length: depth }, (_, i) => i),
    [depth],
    'int32',
  );
  const hit = b.binary('Equal', b.reshape(indices, [...b.shape(indices), 1]), classes, 'bool');
  if (attrs['onValue'] === 1 && attrs['offValue'] === 0) return b.cast(hit, dtype);
  return b.where(hit, b.scalar(attrs['onValue'], dtype), b.scalar(attrs['offValue'], dtype));
};

export const indexingLowerings: Lowerings = {
  GatherV2: gather,
  GatherNd: (b, { inputs }) => {
    const [params, indices] = [inputs['params']!, inputs['indices']!];
    const at = b.shape(indices);
    gather_util.prepareAndValidate(
      { shape: [...b.shape(params)] } as unknown as TensorInfo,
      { shape: [...at], dtype: 'int32' } as unknown as TensorInfo,
    );
    const out = [...at.slice(0, -1), ...b.shape(params).slice(at.at(-1))];
    return b.node('GatherND', [params, b.cast(indices, 'int64')], out, b.dtype(params));
  },
  ScatterNd: (b, { inputs, attrs }) => {
    const shape = attrs['shape'] as number[];
    return scatterIntoZeros(b, ...rowsOf(b, inputs['indices']!, inputs['updates']!, shape), shape);
  },
  TensorScatterUpdate: (b, { inputs }) => {
    const tensor = inputs['tensor']!;
    const [indices, updates] = rowsOf(b, inputs['indices']!, inputs['updates']!, b.shape(tensor));
    if (sizeOf(b.shape(updates)) === 0) return tensor;
    return b.node('ScatterND', [tensor, b.cast(indices, 'int64'), updates], b.shape(tensor), b.dtype(tensor));
  },
  UnsortedSegmentSum: (b, { inputs, attrs }) => {
    const [x, ids] = [inputs['x']!, inputs['segmentIds']!];
    const rank = b.shape(ids).length;
    const [count, rest] = [sizeOf(b.shape(ids)), b.shape(x).slice(rank)];
    const segments = attrs['numSegments'] as number;
    // Rows of no segment, whose number is out of range, go to a last one that is cut off.
    const number = (value: number) => b.scalar(value, 'int32');
    const isBelow = b.binary('Less', ids, number(0), 'bool');
    const place = b.node('Min', [b.where(isBelow, number(segments), ids), number(segments)], b.shape(ids), 'int32');
    const updates = b.reshape(b.cast(x, 'float32'), [count, ...rest]); // Sums are float32, whatever is summed.
    const summed = scatterIntoZeros(b, b.reshape(place, [count, 1]), updates, [segments + 1, ...rest]);
    return b.slice(summed, [0], [segments], [0], [1], [segments, ...rest]);
  },
  OneHot: oneHot,
};
