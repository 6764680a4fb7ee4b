import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Gaussian error linear unit (Hendrycks & Gimpel 2016), the exact one: x · Φ(x), Φ(x) = (1 + erf(x/√2)) / 2.
 * @param x float32, any shape
 * @returns float32 of x's shape
 * @example gelu(tf.tensor1d([-1, 0, 1])) // -0.1587, 0, 0.8413
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  const cumulative = (z: tf.Tensor) => tf.add(tf.mul(tf.erf(tf.mul(z, Math.SQRT1_2)), 0.5), 0.5);
  return withGradient(
    [x],
    (save) => {
      save([x]);
      const [y] = fusedOp(
        { op: 'Gelu', attributes: { approximate: 'none' }, outputs: [{ shape: x.shape, dtype: 'float32' }] },
        [x],
        () => [tf.mul(x, cumulative(x))],
      );
      return y!;
    },
    (dy, saved) => {
      const [z] = saved as [tf.Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(cumulative(z), tf.mul(z, density)))];
    },
  );
}
