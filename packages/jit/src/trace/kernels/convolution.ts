/**
 * Convolutions. tfjs puts channels last and the filter as [height, width, in, out]; ONNX wants channels first and the filter as
 * [out, in / group, height, width]. Transposes that meet cancel in a later pass.
 * Legend: N batch, H W in, P Q out, C channels in, M multiplier of a depthwise filter, O channels out.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, ints, text } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { type KernelCall, type Lowering, type Lowerings, unsupported } from '../lowering.ts';
import { activation } from './elementwise.ts';

type Shape4 = [number, number, number, number];
type ConvInfo = ReturnType<typeof backend_util.computeConv2DInfo>;

const toChannelsFirst = (b: GraphBuilder, x_NHWC: number) => b.transpose(x_NHWC, [0, 3, 1, 2]);
const toChannelsLast = (b: GraphBuilder, x_NCHW: number) => b.transpose(x_NCHW, [0, 2, 3, 1]);

function infoOf(call: KernelCall, x: readonly number[], filter: readonly number[], depthwise: boolean): ConvInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = call.attrs;
  if (dataFormat && dataFormat !== 'NHWC') {
    throw unsupported(call.kernel, `expected dataFormat NHWC, got ${dataFormat}; transpose first.`);
  }
  const shapes = [[...x] as Shape4, [...filter] as Shape4] as const;
  return backend_util.computeConv2DInfo(...shapes, strides, dilations ?? 1, pad, dimRoundingMode, depthwise);
}

const padsOf = ({ padInfo: { top, left, bottom, right } }: ConvInfo) => ints([top, left, bottom, right]);

/** [H, W, C, M] → [C·M, 1, H, W], the layout of a grouped ONNX filter. */
function depthwiseFilter(b: GraphBuilder, filter_HWCM: number): number {
  const [h, w, c, m] = b.shape(filter_HWCM) as Shape4;
  return b.reshape(b.transpose(filter_HWCM, [2, 3, 0, 1]), [c * m, 1, h, w]);
}

const forward =
  (depthwise: boolean): Lowering =>
  (b, call) => {
    const [x, filter] = [call.inputs['x']!, call.inputs['filter']!];
    const info = infoOf(call, b.shape(x), b.shape(filter), depthwise);
    const weights = depthwise ? depthwiseFilter(b, filter) : b.transpose(filter, [3, 2, 0, 1]);
    const shape = [info.batchSize, info.outChannels, info.outHeight, info.outWidth];
    const y_NCHW = b.node('Conv', [toChannelsFirst(b, x), weights], shape, 'float32', {
      kernel_shape: ints([info.filterHeight, info.filterWidth]),
      strides: ints([info.strideHeight, info.strideWidth]),
      dilations: ints([info.dilationHeight, info.dilationWidth]),
      pads: padsOf(info),
      group: int(depthwise ? info.inChannels : 1),
    });
    return toChannelsLast(b, y_NCHW);
  };

/** The gradient of the input is a transposed convolution; rows that a stride left out get their zeros from `output_padding`. */
const backpropInput =
  (depthwise: boolean): Lowering =>
  (b, call) => {
    const [dy, filter] = [call.inputs['dy']!, call.inputs['filter']!];
    const info = infoOf(call, call.attrs['inputShape'], b.shape(filter), depthwise);
    const weights = depthwise ? depthwiseFilter(b, filter) : b.transpose(filter, [3, 2, 0, 1]);
    const { top, bottom, left, right } = info.padInfo;
    const restHeight =
      info.inHeight + top + bottom - (info.outHeight - 1) * info.strideHeight - info.effectiveFilterHeight;
    const restWidth = info.inWidth + left + right - (info.outWidth - 1) * info.strideWidth - info.effectiveFilterWidth;
    const shape = [info.batchSize, info.inChannels, info.inHeight, info.inWidth];
    const dx_NCHW = b.node('ConvTranspose', [toChannelsFirst(b, dy), weights], shape, 'float32', {
      kernel_shape: ints([info.filterHeight, info.filterWidth]),
      strides: ints([info.strideHeight, info.strideWidth]),
      dilations: ints([info.dilationHeight, info.dilationWidth]),
      pads: padsOf(info),
      output_padding: ints([restHeight, restWidth]),
      group: int(depthwise ? info.inChannels : 1),
    });
    return toChannelsLast(b, dx_NCHW);
  };

/**
 * The gradient of the filter is a convolution of the input with dy as the filter: batch and channels change places, and stride and
 * dilation too. Where a stride left out the last rows, the result is longer than the filter and is cut.
 */
const backpropFilter =
  (depthwise: boolean): Lowering =>
  (b, call) => {
    const [x, dy] = [call.inputs['x']!, call.inputs['dy']!];
    const filterShape = call.attrs['filterShape'] as Shape4;
    const info = infoOf(call, b.shape(x), filterShape, depthwise);
    const [kh, kw, c, m] = filterShape;
    const n = info.batchSize;
    const { top, bottom, left, right } = info.padInfo;
    const length = (size: number, pads: number, out: number, stride: number, dilation: number) =>
      Math.floor((size + pads - ((out - 1) * stride + 1)) / dilation) + 1;
    const height = length(info.inHeight, top + bottom, info.outHeight, info.strideHeight, info.dilationHeight);
    const width = length(info.inWidth, left + right, info.outWidth, info.strideWidth, info.dilationWidth);
    const attributes = {
      kernel_shape: ints([info.outHeight, info.outWidth]),
      strides: ints([info.dilationHeight, info.dilationWidth]),
      dilations: ints([info.strideHeight, info.strideWidth]),
      pads: padsOf(info),
      group: int(depthwise ? c : 1),
    };
    const cut = (value: number) => {
      const shape = b.shape(value);
      if (height === kh && width === kw) return value;
      return b.slice(value, [0, 0], [kh, kw], [2, 3], [1, 1], [shape[0]!, shape[1]!, kh, kw]);
    };
    const x_CNHW = b.transpose(x, [3, 0, 1, 2]);
    const dy_ONPQ = b.transpose(dy, [3, 0, 1, 2]);
    if (!depthwise) {
      const dw_COHW = b.node('Conv', [x_CNHW, dy_ONPQ], [c, m, height, width], 'float32', attributes);
      return b.transpose(cut(dw_COHW), [2, 3, 0, 1]);
    }
    const grouped = b.reshape(x_CNHW, [1, c * n, info.inHeight, info.inWidth]);
    const dw = b.node('Conv', [grouped, dy_ONPQ], [1, c * m, height, width], 'float32', attributes);
    return b.transpose(b.reshape(cut(dw), [c, m, kh, kw]), [2, 3, 0, 1]);
  };

const fused =
  (depthwise: boolean): Lowering =>
  (b, call) => {
    const y = forward(depthwise)(b, call) as number;
    const bias = call.inputs['bias'];
    const sum = bias === undefined ? y : b.binary('Add', y, bias);
    const name = (call.attrs['activation'] as string | undefined) ?? 'linear';
    const slope = call.inputs['preluActivationWeights'];
    const out = activation(b, name, sum, { alpha: call.attrs['leakyreluAlpha'], slope });
    if (out === undefined) throw unsupported(call.kernel, `the activation ${name} is not known.`);
    return out;
  };

const resize =
  (mode: string): Lowering =>
  (b, { inputs, attrs }) => {
    const images = inputs['images']!;
    const [n, h, w, c] = b.shape(images) as Shape4;
    const [height, width] = attrs['size'] as [number, number];
    const place = attrs['alignCorners'] ? 'align_corners' : attrs['halfPixelCenters'] ? 'half_pixel' : 'asymmetric';
    if (mode === 'nearest' && attrs['halfPixelCenters']) {
      throw unsupported('ResizeNearestNeighbor', 'with halfPixelCenters it rounds unlike ONNX.');
    }
    const sizes = b.int64s([n, c, height, width]);
    if (h === height && w === width) return images;
    const resized = b.node('Resize', [toChannelsFirst(b, images), -1, -1, sizes], [n, c, height, width], 'float32', {
      mode: text(mode),
      coordinate_transformation_mode: text(place),
      nearest_mode: text(attrs['alignCorners'] ? 'round_prefer_ceil' : 'floor'),
    });
    return toChannelsLast(b, resized);
  };

export const convolutionLowerings: Lowerings = {
  Conv2D: forward(false),
  Conv2DBackpropInput: backpropInput(false),
  Conv2DBackpropFilter: backpropFilter(false),
  DepthwiseConv2dNative: forward(true),
  DepthwiseConv2dNativeBackpropInput: backpropInput(true),
  DepthwiseConv2dNativeBackpropFilter: backpropFilter(true),
  FusedConv2D: fused(false),
  FusedDepthwiseConv2D: fused(true),
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighbor: resize('nearest'),
  FusedBatchNorm: (b, { inputs, attrs }) => {
    const x = inputs['x']!;
    const deviation = b.unary(
      'Sqrt',
      b.binary('Add', inputs['variance']!, b.scalar(attrs['varianceEpsilon'], 'float32')),
    );
    const normal = b.binary('Mul', b.binary('Sub', x, inputs['mean']!), b.unary('Reciprocal', deviation));
    const scaled = inputs['scale'] === undefined ? normal : b.binary('Mul', normal, inputs['scale']);
    return inputs['offset'] === undefined ? scaled : b.binary('Add', scaled, inputs['offset']);
  },
};
