/**
 * Windows that slide over one to three spatial axes: what tfjs's convolution infos say, as arrays with one number per axis, and the way
 * between tfjs's layout (channels last) and ONNX's (channels first).
 */
import type { backend_util } from '@tensorflow/tfjs-core';
import { type AttributeValue, ints } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import { JitError } from '../../jit-error.ts';

export type ConvInfo =
  | ReturnType<typeof backend_util.computeConv2DInfo>
  | ReturnType<typeof backend_util.computeConv3DInfo>;

export interface Windows {
  /** Sizes of the input and of the output. */
  size: number[];
  out: number[];
  filter: number[];
  stride: number[];
  dilation: number[];
  before: number[];
  after: number[];
}

export function windowsOf(info: ConvInfo): Windows {
  const { padInfo: pad } = info;
  const plane: Windows = {
    size: [info.inHeight, info.inWidth],
    out: [info.outHeight, info.outWidth],
    filter: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    dilation: [info.dilationHeight, info.dilationWidth],
    before: [pad.top, pad.left],
    after: [pad.bottom, pad.right],
  };
  if (!('inDepth' in info)) return plane;
  const windows = {
    size: [info.inDepth, ...plane.size],
    out: [info.outDepth, ...plane.out],
    filter: [info.filterDepth, ...plane.filter],
    stride: [info.strideDepth, ...plane.stride],
    dilation: [info.dilationDepth, ...plane.dilation],
    before: [info.padInfo.front, ...plane.before],
    after: [info.padInfo.back, ...plane.after],
  };
  if ([...windows.before, ...windows.after].every((amount) => amount >= 0)) return windows;
  throw new JitError(
    'unsupported-op',
    `In three dimensions, tfjs pads 'same' by negative amounts where the stride (${windows.stride}) is longer than the filter ` +
      `(${windows.filter}): cut the input first, and use 'valid'.`,
  );
}

/** How far a dilated filter reaches. */
export const reach = ({ filter, dilation }: Windows): number[] =>
  filter.map((size, i) => (size - 1) * dilation[i]! + 1);

/** Elements of the padded input that lie behind the last window, where a stride left them out. */
export function leftOver(w: Windows): number[] {
  const span = reach(w);
  return w.size.map((size, i) => size + w.before[i]! + w.after[i]! - (w.out[i]! - 1) * w.stride[i]! - span[i]!);
}

/** ONNX attributes of a window without dilation. */
export const windowAttributes = (w: Windows): Record<string, AttributeValue> => ({
  kernel_shape: ints(w.filter),
  strides: ints(w.stride),
  pads: ints([...w.before, ...w.after]),
});

/** [N, …, C] → [N, C, …] */
export function toChannelsFirst(b: GraphBuilder, x: number): number {
  const rank = b.shape(x).length;
  return b.transpose(x, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]);
}

/** [N, C, …] → [N, …, C] */
export function toChannelsLast(b: GraphBuilder, x: number): number {
  const rank = b.shape(x).length;
  return b.transpose(x, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]);
}
