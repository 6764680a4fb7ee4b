/** Legend: N rows (all leading axes), D inputs, O outputs. */
import * as tf from '@tensorflow/tfjs-core';
import { asRows, expectShape, width } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/**
 * x · Wᵀ + b over the last axis, as `torch.nn.Linear`.
 * @param x_ND float32 [..., D]
 * @param weight_OD float32 [O, D]
 * @param bias_O float32 [O]
 * @returns float32 [..., O]
 * @throws {JitError} `invalid-definition` when the widths disagree
 * @example linear(tf.ones([2, 3]), tf.ones([4, 3])) // [2, 4] of threes
 */
export function linear(x_ND: tf.Tensor, weight_OD: tf.Tensor, bias_O?: tf.Tensor): tf.Tensor {
  const outputs = weight_OD.shape[0] ?? 0;
  expectShape('linear', 'weight_OD', weight_OD, [-1, width(x_ND)]);
  if (bias_O) expectShape('linear', 'bias_O', bias_O, [outputs]);
  return withGradient(
    bias_O ? [x_ND, weight_OD, bias_O] : [x_ND, weight_OD],
    (save) => {
      save([x_ND, weight_OD]);
      const y_NO = tf.matMul(asRows(x_ND), weight_OD, false, true);
      return tf.reshape(bias_O ? tf.add(y_NO, bias_O) : y_NO, [...x_ND.shape.slice(0, -1), outputs]);
    },
    (dy, saved) => {
      const [x, weight] = saved as [tf.Tensor, tf.Tensor];
      const dy_NO = asRows(dy);
      const dx = tf.reshape(tf.matMul(dy_NO, weight), x.shape);
      const dWeight_OD = tf.matMul(dy_NO, asRows(x), true, false);
      return bias_O ? [dx, dWeight_OD, tf.sum(dy_NO, 0)] : [dx, dWeight_OD];
    },
  );
}
