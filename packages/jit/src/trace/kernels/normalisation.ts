import { int, ints } from '../../ir/graph.ts';
import type { GraphBuilder } from '../../ir/graph-builder.ts';
import type { KernelCall, Lowering, Lowerings } from '../lowering.ts';

/** Sums over the channels within `radius` of each channel, the last axis. */
function neighbourSum(b: GraphBuilder, x: number, radius: number): number {
  const shape = b.shape(x);
  const channels = shape.at(-1)!;
  const size = 2 * Math.min(radius, channels) + 1;
  const rows = b.reshape(
    x,
    [-1, 1, channels].map((d) => (d === -1 ? shape.slice(0, -1).reduce((p, s) => p * s, 1) : d)),
  );
  const half = (size - 1) / 2;
  const mean = b.node('AveragePool', [rows], b.shape(rows), 'float32', {
    kernel_shape: ints([size]),
    strides: ints([1]),
    pads: ints([half, half]),
    count_include_pad: int(1),
  });
  return b.reshape(b.binary('Mul', mean, b.scalar(size, 'float32')), shape);
}

/** bias + α · Σ x² over the neighbouring channels. */
function scaleOf(b: GraphBuilder, x: number, { attrs }: KernelCall): number {
  const { depthRadius, bias, alpha } = attrs as { depthRadius: number; bias: number; alpha: number };
  const squares = neighbourSum(b, b.binary('Mul', x, x), depthRadius);
  return b.binary('Add', b.binary('Mul', squares, b.scalar(alpha, 'float32')), b.scalar(bias, 'float32'));
}

/** Local response normalisation: x · scale^−β. */
const lrn: Lowering = (b, call) => {
  const x = call.inputs['x']!;
  return b.binary('Mul', x, b.binary('Pow', scaleOf(b, x, call), b.scalar(-call.attrs['beta'], 'float32')));
};

/** dx = dy · scale^−β − 2αβ · x · Σ dy · y / scale over the neighbours. */
const lrnGradient: Lowering = (b, call) => {
  const { x, y, dy } = call.inputs as { x: number; y: number; dy: number };
  const { depthRadius, alpha, beta } = call.attrs as { depthRadius: number; alpha: number; beta: number };
  const scale = scaleOf(b, x, call);
  const direct = b.binary('Mul', dy, b.binary('Pow', scale, b.scalar(-beta, 'float32')));
  const shared = neighbourSum(b, b.binary('Div', b.binary('Mul', dy, y), scale), depthRadius);
  return b.binary('Sub', direct, b.binary('Mul', b.binary('Mul', x, shared), b.scalar(2 * alpha * beta, 'float32')));
};

export const normalisationLowerings: Lowerings = {
  LRN: lrn,
  LRNGrad: lrnGradient,
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
