import * as tf from '@tensorflow/tfjs-core';

/** Sums a gradient over the axes along which its operand was broadcast, so that it has the operand's shape again. */
export function unbroadcast(dy: tf.Tensor, shape: number[]): tf.Tensor {
  if (tf.util.arraysEqual(dy.shape, shape)) return dy;
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((dimension, i) => (i < lead || (shape[i - lead] === 1 && dimension !== 1) ? [i] : []));
  return tf.reshape(axes.length ? tf.sum(dy, axes) : dy, shape);
}

/** A reduced gradient, spread over the array that was reduced. */
export function spread(dy: tf.Tensor, shape: number[], axes: readonly number[]): tf.Tensor {
  return tf.broadcastTo(keepDims(dy, shape, axes), shape);
}

/** Gives a reduced array its reduced axes back, with size 1. */
export function keepDims(y: tf.Tensor, shape: number[], axes: readonly number[]): tf.Tensor {
  return tf.reshape(
    y,
    shape.map((dimension, i) => (axes.includes(i) ? 1 : dimension)),
  );
}
