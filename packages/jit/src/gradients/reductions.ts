import * as tf from '@tensorflow/tfjs-core';
import type { KernelGradient, KernelGradients } from './types.ts';
import { keepDims, spread } from './unbroadcast.ts';

const axes = (axis: number | number[], x: tf.Tensor) => tf.util.parseAxisParam(axis, x.shape);

/** The largest or smallest elements receive the gradient; equal ones all do, as in tfjs. */
const extreme = (axisName: string): KernelGradient => ({
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y], attrs) => ({
    x: () => {
      const over = axes(attrs[axisName], x!);
      const hit = tf.cast(tf.equal(x!, keepDims(y!, x!.shape, over)), 'float32');
      return tf.mul(keepDims(dy, x!.shape, over), hit);
    },
  }),
});

export const reductionGradients: KernelGradients = {
  Sum: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { axis }) => ({ x: () => spread(dy, x!.shape, axes(axis, x!)) }),
  },
  Mean: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { axis }) => ({
      x: () => {
        const over = axes(axis, x!);
        const count = over.reduce((product, i) => product * x!.shape[i]!, 1);
        return spread(tf.mul(dy, 1 / count), x!.shape, over);
      },
    }),
  },
  Max: extreme('reductionIndices'),
  Min: extreme('axis'),
  Prod: {
    inputsToSave: ['x'],
    gradFunc: (dy, [x], { axis }) => ({
      // The product of the others: P / x without zeros; with one zero only that element has a slope; with two, none has.
      x: () => {
        const over = axes(axis, x!);
        const zero = tf.equal(x!, 0);
        const safe = tf.where(zero, tf.onesLike(x!), x!);
        const product = keepDims(tf.prod(safe, over), x!.shape, over);
        const zeros = keepDims(tf.sum(tf.cast(zero, 'float32'), over), x!.shape, over);
        const others = tf.sub(zeros, tf.cast(zero, 'float32'));
        const slope = tf.mul(tf.div(product, safe), tf.cast(tf.equal(others, 0), 'float32'));
        return tf.mul(keepDims(dy, x!.shape, over), slope);
      },
    }),
  },
  Softmax: {
    outputsToSave: [true],
    gradFunc: (dy, [y], { dim }) => ({
      logits: () => {
        const dyTimesY = tf.mul(dy, y!);
        return tf.sub(dyTimesY, tf.mul(tf.sum(dyTimesY, dim, true), y!));
      },
    }),
  },
  LogSoftmax: {
    outputsToSave: [true],
    gradFunc: (dy, [y], { axis }) => ({
      logits: () => tf.sub(dy, tf.mul(tf.sum(dy, axis, true), tf.exp(y!))),
    }),
  },
  Cumsum: {
    gradFunc: (dy, _, { axis, exclusive, reverse }) => ({ x: () => tf.cumsum(dy, axis, exclusive, !reverse) }),
  },
};
