/** Legend: N rows (all leading axes), D width. */
import * as tf from '@tensorflow/tfjs-core';
import { asRows, expectShape, width } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Root-mean-square normalisation over the last axis (Zhang & Sennrich 2019): x / √(mean(x²) + ε) · gain.
 * @param x_ND float32 [..., D]
 * @param gain_D float32 [D]
 * @param options.epsilon added to the mean square
 * @returns float32 of x's shape
 * @throws {JitError} `invalid-definition` when the widths disagree
 * @example rmsNorm(x_BTD, gain_D, { epsilon: 1e-5 })
 */
export function rmsNorm(x_ND: tf.Tensor, gain_D: tf.Tensor, options: { epsilon: number }): tf.Tensor {
  const D = width(x_ND);
  expectShape('rmsNorm', 'gain_D', gain_D, [D]);
  return withGradient(
    [x_ND, gain_D],
    (save) => {
      const x = asRows(x_ND);
      // Computed here and not taken from a fused node: the second output of ONNX Runtime's is wrong on WebGPU.
      const inverse_N1 = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), options.epsilon));
      save([x_ND, gain_D, inverse_N1]);
      return tf.reshape(tf.mul(tf.mul(x, inverse_N1), gain_D), x_ND.shape);
    },
    (dy, saved) => {
      const [x, gain, inverse_N1] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const dy_ND = asRows(dy);
      const normal_ND = tf.mul(asRows(x), inverse_N1);
      const product_ND = tf.mul(dy_ND, normal_ND);
      const mean_N1 = tf.matMul(product_ND as tf.Tensor2D, tf.reshape(tf.div(gain, D), [D, 1]) as tf.Tensor2D);
      const dx = tf.reshape(tf.mul(tf.sub(tf.mul(dy_ND, gain), tf.mul(normal_ND, mean_N1)), inverse_N1), x.shape);
      return [dx, tf.sum(product_ND, 0)];
    },
  );
}
