/** Pooling over windows, channels last in tfjs and first in ONNX. Legend: N batch, H W in, P Q out, C channels. */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, ints, sizeOf, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';

type Shape4 = [number, number, number, number];
type ConvInfo = ReturnType<typeof backend_util.computePool2DInfo>;

const toChannelsFirst = (b: GraphBuilder, x_NHWC: number) => b.transpose(x_NHWC, [0, 3, 1, 2]);
const toChannelsLast = (b: GraphBuilder, x_NCHW: number) => b.transpose(x_NCHW, [0, 2, 3, 1]);

function infoOf({ attrs }: KernelCall, shape: readonly number[]): ConvInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  return backend_util.computePool2DInfo(
    [...shape] as Shape4,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
    'channelsLast',
  );
}

function windows(info: ConvInfo) {
  const { top, left, bottom, right } = info.padInfo;
  return {
    kernel_shape: ints([info.filterHeight, info.filterWidth]),
    strides: ints([info.strideHeight, info.strideWidth]),
    pads: ints([top, left, bottom, right]),
  };
}

const pooled = (info: ConvInfo) => [info.batchSize, info.inChannels, info.outHeight, info.outWidth];

/** Values and, for the gradient, where in the flat NCHW array each of them stood. */
function maxPool(b: GraphBuilder, x: number, info: ConvInfo): [y_NCPQ: number, indices_NCPQ: number] {
  const shape = pooled(info);
  const outputs = [
    { shape, dtype: 'float32' as const },
    { shape, dtype: 'int64' as const },
  ];
  const [y, indices] = b.nodes('MaxPool', [toChannelsFirst(b, x)], outputs, windows(info));
  return [y!, indices!];
}

const maxPoolGradient: Lowering = (b, call) => {
  const [dy, x] = [call.inputs['dy']!, call.inputs['input']!];
  const info = infoOf(call, b.shape(x));
  const [, indices] = maxPool(b, x, info);
  const [n, h, w, c] = b.shape(x) as Shape4;
  const count = sizeOf(pooled(info));
  const zeros = b.constant(0, [n * c * h * w], 'float32');
  const flat = [b.reshape(indices, [count]), b.reshape(toChannelsFirst(b, dy), [count])];
  const dx = b.node('ScatterElements', [zeros, ...flat], [n * c * h * w], 'float32', { reduction: text('add') });
  return toChannelsLast(b, b.reshape(dx, [n, c, h, w]));
};

/** How many elements of the input each window holds: padding does not count. */
function windowSizes(info: ConvInfo): Float32Array {
  const held = (out: number, stride: number, size: number, before: number, length: number) => {
    const start = out * stride - before;
    return Math.min(start + size, length) - Math.max(start, 0);
  };
  const counts = new Float32Array(info.outHeight * info.outWidth);
  for (let p = 0; p < info.outHeight; p++) {
    const rows = held(p, info.strideHeight, info.filterHeight, info.padInfo.top, info.inHeight);
    for (let q = 0; q < info.outWidth; q++) {
      const columns = held(q, info.strideWidth, info.filterWidth, info.padInfo.left, info.inWidth);
      counts[p * info.outWidth + q] = rows * columns;
    }
  }
  return counts;
}

/** Every window spreads its share evenly over its elements: a transposed convolution with ones. */
const avgPoolGradient: Lowering = (b, call) => {
  const [dy, x] = [call.inputs['dy']!, call.inputs['input']!];
  const info = infoOf(call, b.shape(x));
  const [n, h, w, c] = b.shape(x) as Shape4;
  const sizes = b.constant(windowSizes(info), [1, 1, info.outHeight, info.outWidth], 'float32');
  const planes = [n * c, 1, info.outHeight, info.outWidth];
  const shares = b.binary('Div', b.reshape(toChannelsFirst(b, dy), planes), sizes);
  const { top, bottom, left, right } = info.padInfo;
  const rest = [
    h + top + bottom - (info.outHeight - 1) * info.strideHeight - info.filterHeight,
    w + left + right - (info.outWidth - 1) * info.strideWidth - info.filterWidth,
  ];
  const ones = b.constant(1, [1, 1, info.filterHeight, info.filterWidth], 'float32');
  const attributes = { ...windows(info), output_padding: ints(rest) };
  const dx = b.node('ConvTranspose', [shares, ones], [n * c, 1, h, w], 'float32', attributes);
  return toChannelsLast(b, b.reshape(dx, [n, c, h, w]));
};

export const poolingLowerings: Lowerings = {
  MaxPool: (b, call) => {
    const x = call.inputs['x']!;
    return toChannelsLast(b, maxPool(b, x, infoOf(call, b.shape(x)))[0]);
  },
  MaxPoolGrad: maxPoolGradient,
  AvgPool: (b, call) => {
    const x = call.inputs['x']!;
    const info = infoOf(call, b.shape(x));
    const attributes = { ...windows(info), count_include_pad: int(0) };
    return toChannelsLast(b, b.node('AveragePool', [toChannelsFirst(b, x)], pooled(info), 'float32', attributes));
  },
  AvgPoolGrad: avgPoolGradient,
};
