/**
 * Group normalisation (Wu and He, 2018): every picture's channels are standardised in groups, over all positions. Unlike a layer norm
 * at each position it keeps what differs from place to place (a plain ground stays plain), and unlike a batch norm it looks at one
 * picture only. Legend: B pictures, S pixels along a side, C channels, G groups, N = S·S, W = C / G.
 */
import * as tf from '@tensorflow/tfjs-core';

/**
 * @param x_BSSC float32
 * @param gain_C float32
 * @param bias_C float32
 * @returns float32 [B, S, S, C]
 */
export function groupNorm(
  x_BSSC: tf.Tensor,
  gain_C: tf.Tensor,
  bias_C: tf.Tensor,
  { groups, epsilon }: { groups: number; epsilon: number },
): tf.Tensor {
  const [batch, side, , channels] = x_BSSC.shape as [number, number, number, number];
  const x_BNGW = tf.reshape(x_BSSC, [batch, side * side, groups, channels / groups]);
  const standard = tf.reshape(standardise(x_BNGW, epsilon), x_BSSC.shape);
  return tf.add(tf.mul(standard, gain_C), bias_C);
}

/** (x − mean) / deviation over positions and width, with dx = (dy − mean(dy) − y · mean(dy · y)) / deviation. */
function standardise(x_BNGW: tf.Tensor, epsilon: number): tf.Tensor {
  const mean = (x: tf.Tensor) => tf.mean(x, [1, 3], true);
  const op = tf.customGrad((input, save) => {
    const x = input as tf.Tensor;
    const centred = tf.sub(x, mean(x));
    const inverse = tf.rsqrt(tf.add(mean(tf.square(centred)), epsilon));
    const y = tf.mul(centred, inverse);
    (save as tf.GradSaveFunc)([y, inverse]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [y, inverse] = saved as [tf.Tensor, tf.Tensor];
      return tf.mul(tf.sub(tf.sub(dy, mean(dy)), tf.mul(y, mean(tf.mul(dy, y)))), inverse);
    };
    return { value: y, gradFunc };
  });
  return op(x_BNGW);
}
