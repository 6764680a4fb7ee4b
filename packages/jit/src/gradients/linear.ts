import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';
import { activeTrace } from '../trace/active-trace.ts';
import type { KernelGradient, KernelGradients } from './types.ts';
import { unbroadcast } from './unbroadcast.ts';

const kernel = (name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs as never) as tf.Tensor;

/** All leading axes as one. */
const rows = (x: tf.Tensor) => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** Compiled, dilated convolutions have gradients; the kernels of tfjs's own backends leave the dilation out. */
function checkDilations(op: string, dilations: number | number[] = 1): void {
  if (activeTrace() || tf.backend_util.tupleValuesAreOne(dilations)) return;
  const why = 'the kernels of tfjs take no other; compile the step instead.';
  throw new JitError('unsupported-op', `Gradient of ${op}: expected dilations of 1, got ${dilations}: ${why}`);
}

const conv2D = (depthwise: boolean): KernelGradient => {
  const name = depthwise ? 'DepthwiseConv2dNativeBackprop' : 'Conv2DBackprop';
  return {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], attrs) => {
      checkDilations('conv2d', attrs.dilations);
      return {
        x: () => kernel(`${name}Input`, { dy, filter: filter! }, { ...attrs, inputShape: x!.shape }),
        filter: () => kernel(`${name}Filter`, { x: x!, dy }, { ...attrs, filterShape: filter!.shape }),
      };
    },
  };
};

const maxPool = (name: string): KernelGradient => ({
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y], attrs) => ({ x: () => kernel(name, { dy, input: x!, output: y! }, attrs) }),
});

const avgPool = (name: string): KernelGradient => ({
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({ x: () => kernel(name, { dy, input: x! }, attrs) }),
});

export const linearGradients: KernelGradients = {
  BatchMatMul: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy: tf.Tensor, [a, b], { transposeA, transposeB }) => ({
      a: () =>
        unbroadcast(transposeA ? tf.matMul(b!, dy, transposeB, true) : tf.matMul(dy, b!, false, !transposeB), a!.shape),
      b: () => {
        // One matrix for all rows: its gradient is one product over all rows, not a sum of products.
        const shared = b!.rank === 2 || b!.shape.slice(0, -2).every((dimension) => dimension === 1);
        const [x, dz] = shared && !transposeA ? [rows(a!), rows(dy)] : [a!, dy];
        const product = transposeB ? tf.matMul(dz, x, true, transposeA) : tf.matMul(x, dz, !transposeA, false);
        return unbroadcast(shared && !transposeA ? tf.reshape(product, b!.shape) : product, b!.shape);
      },
    }),
  },
  Conv2D: conv2D(false),
  DepthwiseConv2dNative: conv2D(true),
  Conv2DBackpropInput: {
    inputsToSave: ['dy', 'filter'],
    gradFunc: (ddx, [dy, filter], { strides, pad, dataFormat, dimRoundingMode }) => ({
      dy: () => tf.conv2d(ddx, filter as tf.Tensor4D, strides, pad, dataFormat, 1, dimRoundingMode),
      filter: () =>
        kernel(
          'Conv2DBackpropFilter',
          { x: ddx, dy: dy! },
          { strides, pad, dataFormat, dimRoundingMode, filterShape: filter!.shape },
        ),
    }),
  },
  Conv3D: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], attrs) => {
      checkDilations('conv3d', attrs.dilations);
      return {
        x: () => kernel('Conv3DBackpropInputV2', { dy, filter: filter! }, { ...attrs, inputShape: x!.shape }),
        filter: () => kernel('Conv3DBackpropFilterV2', { x: x!, dy }, { ...attrs, filterShape: filter!.shape }),
      };
    },
  },
  MaxPool: maxPool('MaxPoolGrad'),
  MaxPool3D: maxPool('MaxPool3DGrad'),
  AvgPool: avgPool('AvgPoolGrad'),
  AvgPool3D: avgPool('AvgPool3DGrad'),
  FusedBatchNorm: {
    inputsToSave: ['x', 'mean', 'variance', 'scale'],
    gradFunc: (dy, [x, mean, variance, scale], { varianceEpsilon }) => {
      const inverse = () => tf.rsqrt(tf.add(variance!, varianceEpsilon));
      const scaled = () => (scale ? tf.mul(dy, scale) : dy);
      const centred = () => tf.sub(x!, mean!);
      const to = (gradient: tf.Tensor) => unbroadcast(gradient, mean!.shape);
      return {
        x: () => tf.mul(scaled(), inverse()),
        mean: () => to(tf.neg(tf.mul(scaled(), inverse()))),
        variance: () => {
          const cubed = tf.mul(-0.5, tf.mul(inverse(), tf.mul(inverse(), inverse())));
          return to(tf.mul(tf.mul(scaled(), centred()), cubed));
        },
        scale: () => to(tf.mul(dy, tf.mul(centred(), inverse()))),
        offset: () => to(dy),
      };
    },
  },
};
