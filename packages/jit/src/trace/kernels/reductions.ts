import { int } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { axesOf, axisOf, type Lowering, type Lowerings } from '../lowering.ts';
import { padWith } from './blocks.ts';

function reduce(b: GraphBuilder, op: string, x: number, axes: readonly number[], keepDims: boolean): number {
  if (axes.length === 0) return x;
  const shape = b.shape(x).flatMap((dimension, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [dimension]));
  return b.node(op, [x, b.int64s(axes)], shape, b.dtype(x), { keepdims: int(keepDims ? 1 : 0) });
}

const reduction =
  (op: string, axisName = 'axis'): Lowering =>
  (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const number = b.dtype(x) === 'bool' ? b.cast(x, 'int32') : x;
    return reduce(b, op, number, axesOf(attrs[axisName], b.shape(x).length), Boolean(attrs['keepDims']));
  };

const logical =
  (op: string): Lowering =>
  (b, call) =>
    b.cast(reduction(op)(b, call) as number, 'bool');

/** Numbers that ONNX orders, with NaN out of the way: tfjs passes it over, ONNX Runtime finds it. */
function comparable(b: GraphBuilder, x: number, instead: number): number {
  if (b.dtype(x) === 'bool') return b.cast(x, 'int32');
  if (b.dtype(x) !== 'float32') return x;
  return b.where(b.node('IsNaN', [x], b.shape(x), 'bool'), b.scalar(instead, 'float32'), x);
}

/** ONNX Runtime passes NaN over where tfjs keeps it: it is put back. */
const extreme =
  (op: string, axisName?: string): Lowering =>
  (b, call) => {
    const x = call.inputs['x']!;
    const found = reduction(op, axisName)(b, call) as number;
    if (b.dtype(x) === 'bool') return b.cast(found, 'bool');
    if (b.dtype(x) !== 'float32' || b.shape(x).length === 0) return found;
    const nan = b.node('IsNaN', [x], b.shape(x), 'bool');
    const any = reduce(
      b,
      'ReduceMax',
      nan,
      axesOf(call.attrs[axisName ?? 'axis'], b.shape(x).length),
      Boolean(call.attrs['keepDims']),
    );
    return b.where(any, b.scalar(Number.NaN, 'float32'), found);
  };

const arg =
  (op: string): Lowering =>
  (b, { inputs, attrs }) => {
    const x = comparable(b, inputs['x']!, op === 'ArgMax' ? -Infinity : Infinity);
    const axis = axisOf(attrs['axis'], b.shape(x).length);
    const shape = b.shape(x).filter((_, i) => i !== axis);
    return b.cast(b.node(op, [x], shape, 'int64', { axis: int(axis), keepdims: int(0) }), 'int32');
  };

const normalise =
  (op: string, axisName: string): Lowering =>
  (b, { inputs, attrs }) => {
    const x = inputs['logits']!;
    return b.unary(op, x, { axis: int(axisOf(attrs[axisName] ?? -1, b.shape(x).length)) });
  };

const cumulative: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const axis = b.constant(BigInt64Array.of(BigInt(axisOf(attrs['axis'], b.shape(x).length))), [], 'int64');
  const flags = { exclusive: int(attrs['exclusive'] ? 1 : 0), reverse: int(attrs['reverse'] ? 1 : 0) };
  return b.node('CumSum', [x, axis], b.shape(x), b.dtype(x), flags);
};

/** Doubling: after k rounds every element holds the product of the last 2ᵏ. */
const cumulativeProduct: Lowering = (b, { inputs, attrs }) => {
  const x = inputs['x']!;
  const rank = b.shape(x).length;
  const axis = axisOf(attrs['axis'] ?? 0, rank);
  const length = b.shape(x)[axis]!;
  const shifted = (value: number, by: number) => {
    const amounts = attrs['reverse'] ? [-by, by] : [by, -by];
    return padWith(
      b,
      value,
      Array.from({ length: rank }, (_, i) => (i === axis ? amounts : [0, 0])),
      1,
    );
  };
  let products = attrs['exclusive'] && length > 0 ? shifted(x, 1) : x;
  for (let by = 1; by < length; by *= 2) products = b.binary('Mul', products, shifted(products, by));
  return products;
};

export const reductionLowerings: Lowerings = {
  Sum: reduction('ReduceSum'),
  Mean: (b, { inputs, attrs, kernel }) =>
    reduction('ReduceMean')(b, { kernel, attrs, inputs: { x: b.cast(inputs['x']!, 'float32') } }),
  Max: extreme('ReduceMax', 'reductionIndices'),
  Min: extreme('ReduceMin'),
  Prod: reduction('ReduceProd'),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Softmax: normalise('Softmax', 'dim'),
  LogSoftmax: normalise('LogSoftmax', 'axis'),
  Cumsum: cumulative,
  Cumprod: cumulativeProduct,
  TopK: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const shape = [...b.shape(x).slice(0, -1), attrs['k'] as number];
    const outputs = [
      { shape, dtype: b.dtype(x) },
      { shape, dtype: 'int64' as const },
    ];
    const [values, indices] = b.nodes('TopK', [x, b.int64s([attrs['k']])], outputs, { axis: int(-1) });
    return [values!, b.cast(indices!, 'int32')];
  },
};
