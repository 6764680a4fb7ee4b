import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { JitError, jit } from '@vlm/jit';
import { layerNorm } from '@vlm/jit/nn';

const slope = jit((x: tf.Tensor1D, factor: tf.Scalar) => ({
  y: tf.sum(tf.mul(tf.square(x), factor)),
  gradient: tf.grad((z: tf.Tensor) => tf.sum(tf.mul(tf.square(z), factor)))(x),
}));
const { y, gradient } = await slope(tf.tensor1d([1, 2]), 3);
console.log('y', await y.array(), 'gradient', await gradient.array()); // y 15 gradient [6, 12]
await slope.dispose();

const normalise = jit((x: tf.Tensor2D) => layerNorm(x, tf.ones([2]), { epsilon: 0 }));
console.log(await (await normalise(tf.tensor2d([[1, 3]]))).array()); // [[-1, 1]]
await normalise.dispose();
await normalise(tf.zeros([1, 2])).catch((error: unknown) => console.log(error instanceof JitError && error.code)); // disposed
