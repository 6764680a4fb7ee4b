/** Pooling over windows of two or three axes, channels last in tfjs and first in ONNX. Legend: N batch, S in, P out, C channels. */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, ints, sizeOf, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';
import {
  type ConvInfo,
  leftOver,
  toChannelsFirst,
  toChannelsLast,
  type Windows,
  windowAttributes,
  windowsOf,
} from './windows.ts';

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

function infoOf({ attrs }: KernelCall, shape: readonly number[]): ConvInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const rest = [filterSize, strides, 1, pad, dimRoundingMode] as const;
  if (shape.length === 5) return backend_util.computePool3DInfo([...shape] as Shape5, ...rest);
  return backend_util.computePool2DInfo([...shape] as Shape4, ...rest, 'channelsLast');
}

/** As in tfjs, windows of one element that leave the shape as it is leave the values too. */
const isIdentity = (info: ConvInfo) =>
  windowsOf(info).filter.every((size) => size === 1) && info.inShape.join() === info.outShape.join();

const pooled = (info: ConvInfo, w: Windows) => [info.batchSize, info.inChannels, ...w.out];

/** ONNX wants every window to hold an element. */
const fits = (w: Windows) => w.filter.every((size, i) => w.before[i]! < size && w.after[i]! < size);

/** [N, …, C] → [N, C, …] as float32, with the padding put in beforehand where ONNX refuses it. */
function padded(b: GraphBuilder, x: number, w: Windows): { x_NCS: number; windows: Windows } {
  const x_NCS = toChannelsFirst(b, b.cast(x, 'float32'));
  if (fits(w)) return { x_NCS, windows: w };
  const size = w.size.map((length, i) => length + w.before[i]! + w.after[i]!);
  const amounts = b.int64s([0, 0, ...w.before, 0, 0, ...w.after]);
  const shape = [...b.shape(x_NCS).slice(0, 2), ...size];
  const zeros = w.size.map(() => 0);
  const wide = b.node('Pad', [x_NCS, amounts, b.scalar(-Infinity, 'float32')], shape, 'float32');
  return { x_NCS: wide, windows: { ...w, size, before: zeros, after: zeros } };
}

/** Values and, for the gradient, where in the flat [N, C, …S] array each of them stood. */
function maxPool(b: GraphBuilder, x: number, info: ConvInfo) {
  const { x_NCS, windows } = padded(b, x, windowsOf(info));
  const shape = pooled(info, windows);
  const outputs = [
    { shape, dtype: 'float32' as const },
    { shape, dtype: 'int64' as const },
  ];
  const [y, indices] = b.nodes('MaxPool', [x_NCS], outputs, windowAttributes(windows));
  return { y: y!, indices: indices!, windows, shape };
}

const maxPoolGradient: Lowering = (b, call) => {
  const [dy, x] = [call.inputs['dy']!, call.inputs['input']!];
  const info = infoOf(call, b.shape(x));
  const { indices, windows, shape } = maxPool(b, x, info);
  const wide = [...shape.slice(0, 2), ...windows.size];
  const zeros = b.constant(0, [sizeOf(wide)], 'float32');
  const flat = [b.reshape(indices, [sizeOf(shape)]), b.reshape(toChannelsFirst(b, dy), [sizeOf(shape)])];
  const dx = b.node('ScatterElements', [zeros, ...flat], [sizeOf(wide)], 'float32', { reduction: text('add') });
  const whole = windowsOf(info);
  const dx_NCS = b.reshape(dx, wide);
  if (whole.size.join() === windows.size.join()) return toChannelsLast(b, dx_NCS);
  const axes = whole.size.map((_, i) => i + 2);
  const ends = whole.before.map((before, i) => before + whole.size[i]!);
  const ones = axes.map(() => 1);
  const cut = [...shape.slice(0, 2), ...whole.size];
  return toChannelsLast(b, b.slice(dx_NCS, whole.before, ends, axes, ones, cut));
};

/** Where in the flat array of tfjs's layout each maximum stood; from ONNX's place in [N, C, S]. */
const maxPoolWithArgmax: Lowering = (b, call) => {
  const x = call.inputs['x']!;
  const info = infoOf(call, b.shape(x));
  // Of a NaN, tfjs takes no notice; ONNX Runtime's index may point at it.
  const nan = b.node('IsNaN', [x], b.shape(x), 'bool');
  const numbers = b.where(nan, b.scalar(-Infinity, 'float32'), x);
  const { y, indices, windows } = maxPool(b, numbers, info);
  const [c, plane] = [info.inChannels, sizeOf(windows.size)];
  const number = (value: number) => b.constant(BigInt64Array.of(BigInt(value)), [], 'int64');
  // index = (n · C + c) · S + s, of which s · C + c is wanted, and n · S · C in front of it.
  const place = b.binary('Mod', indices, number(plane));
  const row = b.binary('Div', indices, number(plane));
  const channel = b.binary('Mod', row, number(c));
  const inImage = b.binary('Add', b.binary('Mul', place, number(c)), channel);
  const batch = b.binary('Mul', b.binary('Div', row, number(c)), number(plane * c));
  const at = call.attrs['includeBatchInIndex'] ? b.binary('Add', inImage, batch) : inImage;
  return [b.cast(toChannelsLast(b, y), b.dtype(x)), b.cast(toChannelsLast(b, at), 'int32')];
};

/** How many elements of the input each window holds: padding does not count. */
function windowCounts(w: Windows): Float32Array {
  let counts: number[] = [1];
  for (const [i, out] of w.out.entries()) {
    const held = Array.from({ length: out }, (_, p) => {
      const start = p * w.stride[i]! - w.before[i]!;
      return Math.max(0, Math.min(start + w.filter[i]!, w.size[i]!) - Math.max(start, 0));
    });
    counts = counts.flatMap((count) => held.map((here) => count * here));
  }
  return Float32Array.from(counts);
}

/** Every window spreads its share evenly over its elements: a transposed convolution with ones. */
const avgPoolGradient: Lowering = (b, call) => {
  const [dy, x] = [call.inputs['dy']!, call.inputs['input']!];
  const info = infoOf(call, b.shape(x));
  const w = windowsOf(info);
  const [n, c] = [info.batchSize, info.inChannels];
  const sizes = b.constant(windowCounts(w), [1, 1, ...w.out], 'float32');
  const shares = b.binary('Div', b.reshape(toChannelsFirst(b, dy), [n * c, 1, ...w.out]), sizes);
  const ones = b.constant(1, [1, 1, ...w.filter], 'float32');
  const attributes = { ...windowAttributes(w), output_padding: ints(leftOver(w)) };
  const dx = b.node('ConvTranspose', [shares, ones], [n * c, 1, ...w.size], 'float32', attributes);
  return toChannelsLast(b, b.reshape(dx, [n, c, ...w.size]));
};

const avgPool: Lowering = (b, call) => {
  const x = call.inputs['x']!;
  const info = infoOf(call, b.shape(x));
  if (isIdentity(info)) return x;
  const whole = windowsOf(info);
  if (sizeOf(info.outShape) === 0) return b.constant(0, info.outShape, b.dtype(x));
  const x_NCS = toChannelsFirst(b, b.cast(x, 'float32'));
  const shape = pooled(info, whole);
  if (fits(whole)) {
    const attributes = { ...windowAttributes(whole), count_include_pad: int(0) };
    return b.cast(toChannelsLast(b, b.node('AveragePool', [x_NCS], shape, 'float32', attributes)), b.dtype(x));
  }
  const ones = b.constant(1, [1, 1, ...whole.filter], 'float32');
  const planes = b.reshape(x_NCS, [info.batchSize * info.inChannels, 1, ...whole.size]);
  const sums = [info.batchSize * info.inChannels, 1, ...whole.out];
  const sum = b.node('Conv', [planes, ones], sums, 'float32', windowAttributes(whole));
  // Of a window that holds padding alone, tfjs makes NaN in two dimensions and 0 in three.
  const least = whole.size.length === 3 ? 1 : 0;
  const counts = windowCounts(whole).map((count) => Math.max(count, least));
  const mean = b.binary('Div', sum, b.constant(counts, [1, 1, ...whole.out], 'float32'));
  return b.cast(toChannelsLast(b, b.reshape(mean, shape)), b.dtype(x));
};

const max: Lowering = (b, call) => {
  const x = call.inputs['x']!;
  const info = infoOf(call, b.shape(x));
  if (isIdentity(info)) return x;
  if (sizeOf(info.outShape) === 0) return b.constant(0, info.outShape, b.dtype(x));
  return b.cast(toChannelsLast(b, maxPool(b, x, info).y), b.dtype(x));
};

export const poolingLowerings: Lowerings = {
  MaxPool: max,
  MaxPool3D: max,
  MaxPoolGrad: maxPoolGradient,
  MaxPool3DGrad: maxPoolGradient,
  MaxPoolWithArgmax: maxPoolWithArgmax,
  AvgPool: avgPool,
  AvgPool3D: avgPool,
  AvgPoolGrad: avgPoolGradient,
  AvgPool3DGrad: avgPoolGradient,
};
