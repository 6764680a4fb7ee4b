/**
 * Convolutions over two or three spatial axes. tfjs puts channels last and the filter as […spatial, in, out]; ONNX wants channels first and
 * the filter as [out, in / group, …spatial]. Transposes that meet cancel in a later pass.
 * Legend: N batch, S spatial axes of the input, P of the output, K of the filter, C channels in, M multiplier of a depthwise filter, O
 * channels out.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { int, ints, sameShape, sizeOf } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { JitError } from '../../jit-error.ts';
import { type KernelCall, type Lowering, type Lowerings, unsupported } from '../lowering.ts';
import { activation } from './elementwise.ts';
import { type ConvInfo, leftOver, toChannelsFirst, toChannelsLast, type Windows, windowsOf } from './windows.ts';

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];
type Kind = 'dense' | 'depthwise';

const isChannelsFirst = ({ attrs }: KernelCall) => attrs['dataFormat'] === 'NCHW' || attrs['dataFormat'] === 'NCDHW';
const toFirst = (b: GraphBuilder, call: KernelCall, x: number) => (isChannelsFirst(call) ? x : toChannelsFirst(b, x));
const fromFirst = (b: GraphBuilder, call: KernelCall, x: number) => (isChannelsFirst(call) ? x : toChannelsLast(b, x));

function infoOf(call: KernelCall, x: readonly number[], filter: readonly number[], kind: Kind): ConvInfo {
  const { strides, pad, dilations, dimRoundingMode } = call.attrs;
  const layout = isChannelsFirst(call) ? 'channelsFirst' : 'channelsLast';
  if (filter.length === 5) {
    const shapes = [[...x] as Shape5, [...filter] as Shape5] as const;
    return backend_util.computeConv3DInfo(...shapes, strides, dilations ?? 1, pad, false, layout);
  }
  const shapes = [[...x] as Shape4, [...filter] as Shape4] as const;
  const isDepthwise = kind === 'depthwise';
  return backend_util.computeConv2DInfo(...shapes, strides, dilations ?? 1, pad, dimRoundingMode, isDepthwise, layout);
}

/** […K, C, O] → [O, C, …K], and [H, W, C, M] → [C·M, 1, H, W] for a grouped filter. */
function onnxFilter(b: GraphBuilder, filter: number, kind: Kind): number {
  const rank = b.shape(filter).length;
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i);
  if (kind === 'dense') return b.transpose(filter, [rank - 1, rank - 2, ...spatial]);
  const [h, w, c, m] = b.shape(filter) as Shape4;
  return b.reshape(b.transpose(filter, [2, 3, 0, 1]), [c * m, 1, h, w]);
}

function checkGradient(b: GraphBuilder, dy: number, { inShape, outShape }: ConvInfo): void {
  if (sameShape(b.shape(dy), outShape)) return;
  throw new JitError(
    'invalid-definition',
    `expected [${outShape}], which the convolution makes of [${inShape}], got [${b.shape(dy)}].`,
  );
}

const attributesOf = (w: Windows, group: number) => ({
  kernel_shape: ints(w.filter),
  strides: ints(w.stride),
  dilations: ints(w.dilation),
  pads: ints([...w.before, ...w.after]),
  group: int(group),
});

const forward =
  (kind: Kind): Lowering =>
  (b, call) => {
    const [x, filter] = [call.inputs['x']!, call.inputs['filter']!];
    const info = infoOf(call, b.shape(x), b.shape(filter), kind);
    const w = windowsOf(info);
    const attributes = attributesOf(w, kind === 'depthwise' ? info.inChannels : 1);
    const inputs = [toFirst(b, call, x), onnxFilter(b, filter, kind)];
    const y_NOP = b.node('Conv', inputs, [info.batchSize, info.outChannels, ...w.out], 'float32', attributes);
    return fromFirst(b, call, y_NOP);
  };

/** The gradient of the input is a transposed convolution; rows that a stride left out get their zeros from `output_padding`. */
const backpropInput =
  (kind: Kind): Lowering =>
  (b, call) => {
    const [dy, filter] = [call.inputs['dy']!, call.inputs['filter']!];
    const info = infoOf(call, call.attrs['inputShape'], b.shape(filter), kind);
    checkGradient(b, dy, info);
    const w = windowsOf(info);
    const attributes = {
      ...attributesOf(w, kind === 'depthwise' ? info.inChannels : 1),
      output_padding: ints(leftOver(w)),
    };
    const inputs = [toFirst(b, call, dy), onnxFilter(b, filter, kind)];
    const dx_NCS = b.node('ConvTranspose', inputs, [info.batchSize, info.inChannels, ...w.size], 'float32', attributes);
    return fromFirst(b, call, dx_NCS);
  };

/**
 * The gradient of the filter is a convolution of the input with dy as the filter: batch and channels change places, and stride and
 * dilation too. Where a stride left out the last rows, the result is longer than the filter and is cut.
 */
const backpropFilter =
  (kind: Kind): Lowering =>
  (b, call) => {
    const [x, dy] = [call.inputs['x']!, call.inputs['dy']!];
    const filterShape = call.attrs['filterShape'] as number[];
    const info = infoOf(call, b.shape(x), filterShape, kind);
    checkGradient(b, dy, info);
    const w = windowsOf(info);
    const [c, m] = filterShape.slice(-2) as [number, number];
    const lengths = leftOver(w).map((rest, i) => w.filter[i]! + Math.floor(rest / w.dilation[i]!));
    const attributes = {
      kernel_shape: ints(w.out),
      strides: ints(w.dilation),
      dilations: ints(w.stride),
      pads: ints([...w.before, ...w.after]),
      group: int(kind === 'depthwise' ? c : 1),
    };
    const spatial = w.filter.map((_, i) => i + 2);
    const cut = (value: number) => {
      if (lengths.every((length, i) => length === w.filter[i])) return value;
      const shape = [...b.shape(value).slice(0, 2), ...w.filter];
      return b.slice(value, Array(spatial.length).fill(0), w.filter, spatial, Array(spatial.length).fill(1), shape);
    };
    const swapped = [1, 0, ...spatial];
    const x_CNS = b.transpose(toFirst(b, call, x), swapped);
    const dy_ONP = b.transpose(toFirst(b, call, dy), swapped);
    const last = [...spatial, 0, 1];
    if (kind === 'dense') {
      const dw_COK = b.node('Conv', [x_CNS, dy_ONP], [c, m, ...lengths], 'float32', attributes);
      return b.transpose(cut(dw_COK), last);
    }
    const grouped = b.reshape(x_CNS, [1, c * info.batchSize, ...w.size]);
    const dw = b.node('Conv', [grouped, dy_ONP], [1, c * m, ...lengths], 'float32', attributes);
    return b.transpose(b.reshape(cut(dw), [c, m, ...w.filter]), last);
  };

/** Bias and slope are added channels last, where they broadcast. */
const fused =
  (kind: Kind): Lowering =>
  (b, call) => {
    const first = isChannelsFirst(call);
    const convolved = forward(kind)(b, call) as number;
    const y = first ? toChannelsLast(b, convolved) : convolved;
    const last = (value: number | undefined) => {
      if (value === undefined || !first || b.shape(value).length < 3) return value;
      const rank = b.shape(value).length;
      return b.transpose(value, [...Array.from({ length: rank - 3 }, (_, i) => i), rank - 2, rank - 1, rank - 3]);
    };
    const bias = call.inputs['bias'];
    const sum = bias === undefined ? y : b.binary('Add', y, biasOf(b, bias, b.shape(y).at(-1)!));
    const name = (call.attrs['activation'] as string | undefined) ?? 'linear';
    const slope = last(call.inputs['preluActivationWeights']);
    const out = activation(b, name, sum, { alpha: call.attrs['leakyreluAlpha'], slope });
    if (out === undefined) throw unsupported(call.kernel, `the activation ${name} is not known.`);
    return first ? toChannelsFirst(b, out) : out;
  };

/** A bias is one number per channel, whatever axes of size 1 stand around it. */
const biasOf = (b: GraphBuilder, bias: number, channels: number) =>
  sizeOf(b.shape(bias)) === channels ? b.reshape(bias, [channels]) : bias;

export const convolutionLowerings: Lowerings = {
  Conv2D: forward('dense'),
  Conv2DBackpropInput: backpropInput('dense'),
  Conv2DBackpropFilter: backpropFilter('dense'),
  Conv3D: forward('dense'),
  Conv3DBackpropInputV2: backpropInput('dense'),
  Conv3DBackpropFilterV2: backpropFilter('dense'),
  DepthwiseConv2dNative: forward('depthwise'),
  DepthwiseConv2dNativeBackpropInput: backpropInput('depthwise'),
  DepthwiseConv2dNativeBackpropFilter: backpropFilter('depthwise'),
  FusedConv2D: fused('dense'),
  FusedDepthwiseConv2D: fused('depthwise'),
};
