/**
 * Grey-scale dilation: the largest sum of a window and a filter. Written out tap by tap: every element of the filter adds a slice of the
 * input. Legend: N batch, H W in, P Q out, C channels.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { int } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';
import { padWith } from './blocks.ts';
import { type Windows, windowsOf } from './windows.ts';

type Shape3 = [number, number, number];
type Shape4 = [number, number, number, number];
/** One element of the filter: where it reads, and its sum with what it reads. */
interface Tap {
  offset: [number, number];
  sum_NPQC: number;
}

function tapsOf(b: GraphBuilder, { inputs, attrs }: KernelCall): { taps: Tap[]; windows: Windows; shape: Shape4 } {
  const [x, filter] = [inputs['x']!, inputs['filter']!];
  const { strides, pad, dilations } = attrs;
  const [kh, kw, c] = b.shape(filter) as Shape3;
  const info = backend_util.computeDilation2DInfo(
    [...b.shape(x)] as Shape4,
    [kh, kw, c],
    strides,
    pad,
    'NHWC',
    dilations,
  );
  const w = windowsOf(info);
  const amounts = w.before.map((before, i) => [before, w.after[i]!]);
  const padded = padWith(b, x, [[0, 0], ...amounts, [0, 0]], -Infinity);
  const shape: Shape4 = [info.batchSize, info.outHeight, info.outWidth, c];
  const taps: Tap[] = [];
  for (let h = 0; h < kh; h++) {
    for (let q = 0; q < kw; q++) {
      const offset: [number, number] = [h * w.dilation[0]!, q * w.dilation[1]!];
      const ends = offset.map((start, i) => start + (w.out[i]! - 1) * w.stride[i]! + 1);
      const seen = b.slice(padded, offset, ends, [1, 2], w.stride, shape);
      const weight = b.reshape(b.slice(filter, [h, q], [h + 1, q + 1], [0, 1], [1, 1], [1, 1, c]), [c]);
      taps.push({ offset, sum_NPQC: b.binary('Add', seen, weight) });
    }
  }
  return { taps, windows: w, shape };
}

const largest = (b: GraphBuilder, taps: readonly Tap[]) =>
  taps.map(({ sum_NPQC }) => sum_NPQC).reduce((best, sum) => b.binary('Max', best, sum));

/** dy where the tap is the first to reach the largest sum, else 0. */
function sharesOf(b: GraphBuilder, taps: readonly Tap[], dy: number): number[] {
  const best = largest(b, taps);
  const zero = b.scalar(0, 'float32');
  let free: number | undefined;
  return taps.map(({ sum_NPQC }) => {
    const reaches = b.binary('Equal', sum_NPQC, best, 'bool');
    const wins = free === undefined ? reaches : b.binary('And', reaches, free);
    const others = b.unary('Not', reaches);
    free = free === undefined ? others : b.binary('And', free, others);
    return b.where(wins, dy, zero);
  });
}

const backpropInput: Lowering = (b, call) => {
  const { taps, windows: w, shape } = tapsOf(b, call);
  const [n, p, q, c] = shape;
  const [sh, sw] = w.stride as [number, number];
  const padded = w.size.map((size, i) => size + w.before[i]! + w.after[i]!);
  const parts = sharesOf(b, taps, call.inputs['dy']!).map((share, i) => {
    // Zeros between the elements, as far apart as the stride, then zeros before and behind.
    const gaps = [
      [0, 0],
      [0, 0],
      [0, sh - 1],
      [0, 0],
      [0, sw - 1],
      [0, 0],
    ];
    const spread = b.reshape(padWith(b, b.reshape(share, [n, p, 1, q, 1, c]), gaps, 0), [n, p * sh, q * sw, c]);
    const sides = taps[i]!.offset.map((before, axis) => [before, padded[axis]! - before - [p * sh, q * sw][axis]!]);
    return padWith(b, spread, [[0, 0], ...sides, [0, 0]], 0);
  });
  const sum = parts.reduce((total, part) => b.binary('Add', total, part));
  return padWith(b, sum, [[0, 0], ...w.before.map((before, i) => [-before, -w.after[i]!]), [0, 0]], 0);
};

const backpropFilter: Lowering = (b, call) => {
  const { taps } = tapsOf(b, call);
  const [kh, kw, c] = b.shape(call.inputs['filter']!) as Shape3;
  const sums = sharesOf(b, taps, call.inputs['dy']!).map((share) =>
    b.node('ReduceSum', [share, b.int64s([0, 1, 2])], [1, 1, 1, c], 'float32', { keepdims: int(1) }),
  );
  const all =
    sums.length === 1 ? sums[0]! : b.node('Concat', sums, [sums.length, 1, 1, c], 'float32', { axis: int(0) });
  return b.reshape(all, [kh, kw, c]);
};

export const dilationLowerings: Lowerings = {
  Dilation2D: (b, call) => largest(b, tapsOf(b, call).taps),
  Dilation2DBackpropInput: backpropInput,
  Dilation2DBackpropFilter: backpropFilter,
};
