/** Legend: N rows (all leading axes), D width. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { asRows, expectShape, width } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Layer normalisation over the last axis (Ba et al. 2016): (x − mean) / √(variance + ε) · gain + bias, with the biased variance.
 * @param x_ND float32 [..., D]
 * @param gain_D float32 [D]
 * @param options.epsilon added to the variance
 * @param options.bias_D float32 [D]; left out, nothing is added (OpenLM's gain-only norm)
 * @returns float32 of x's shape
 * @throws {JitError} `invalid-definition` when the widths disagree
 * @example layerNorm(x_BTD, gain_D, { epsilon: 1e-5 })
 */
export function layerNorm(
  x_ND: tf.Tensor,
  gain_D: tf.Tensor,
  options: { epsilon: number; bias_D?: tf.Tensor },
): tf.Tensor {
  const { epsilon, bias_D } = options;
  const D = width(x_ND);
  expectShape('layerNorm', 'gain_D', gain_D, [D]);
  if (bias_D) expectShape('layerNorm', 'bias_D', bias_D, [D]);
  return withGradient(
    bias_D ? [x_ND, gain_D, bias_D] : [x_ND, gain_D],
    (save) => {
      const x = asRows(x_ND);
      const [scaled_ND, mean_N1, inverse_N1] = normalised(x, gain_D, bias_D, epsilon);
      save([x_ND, gain_D, mean_N1, inverse_N1]);
      return tf.reshape(scaled_ND, x_ND.shape);
    },
    (dy, saved) => {
      const [x, gain, mean_N1, inverse_N1] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dy_ND = asRows(dy);
      const normal_ND = tf.mul(tf.sub(asRows(x), mean_N1), inverse_N1);
      const product_ND = tf.mul(dy_ND, normal_ND);
      // The two row means of dy·gain and dy·gain·normal are matrix-vector products with gain / D.
      const share_D1 = tf.reshape(tf.div(gain, D), [D, 1]);
      const mean1_N1 = tf.matMul(dy_ND, share_D1 as tf.Tensor2D);
      const mean2_N1 = tf.matMul(product_ND as tf.Tensor2D, share_D1 as tf.Tensor2D);
      const centred_ND = tf.sub(tf.sub(tf.mul(dy_ND, gain), tf.mul(normal_ND, mean2_N1)), mean1_N1);
      const dx = tf.reshape(tf.mul(centred_ND, inverse_N1), x.shape);
      const dGain_D = tf.sum(product_ND, 0);
      return bias_D ? [dx, dGain_D, tf.sum(dy_ND, 0)] : [dx, dGain_D];
    },
  );
}

/** The norm of rows, their means and the inverses of their deviations. */
function normalised(
  x_ND: tf.Tensor,
  gain_D: tf.Tensor,
  bias_D: tf.Tensor | undefined,
  epsilon: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const column = { shape: [x_ND.shape[0]!, 1], dtype: 'float32' } as const;
  return fusedOp(
    {
      op: 'LayerNormalization',
      attributes: { axis: -1, epsilon },
      outputs: [{ shape: x_ND.shape, dtype: 'float32' }, column, column],
    },
    bias_D ? [x_ND, gain_D, bias_D] : [x_ND, gain_D],
    () => {
      const mean_N1 = tf.mean(x_ND, 1, true);
      const centred_ND = tf.sub(x_ND, mean_N1);
      const inverse_N1 = tf.rsqrt(tf.add(tf.mean(tf.square(centred_ND), 1, true), epsilon));
      const scaled_ND = tf.mul(tf.mul(centred_ND, inverse_N1), gain_D);
      return [bias_D ? tf.add(scaled_ND, bias_D) : scaled_ND, mean_N1, inverse_N1];
    },
  ) as [tf.Tensor, tf.Tensor, tf.Tensor];
}
