/**
 * Batch normalisation (Ioffe and Szegedy, 2015) with the statistics of the batch at hand, for training alone: a frozen encoder has them
 * folded into its convolutions (`foldEncoder`). Legend: N rows (pictures and positions), C channels.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Mean and biased variance of every channel over all leading axes. */
export function channelMoments(x: tf.Tensor): { mean_C: tf.Tensor; variance_C: tf.Tensor } {
  const x_NC = rows(x);
  const mean_C = tf.mean(x_NC, 0);
  return { mean_C, variance_C: tf.mean(tf.square(tf.sub(x_NC, mean_C)), 0) };
}

/**
 * (x − mean) / √(variance + ε) · gain + bias over all axes but the last, and then, where asked, ReLU.
 *
 * The gradient is written by hand: g = dy where the output is above zero, and
 * dx = gain / deviation · (g − mean(g) − x̂ · mean(g · x̂)).
 *
 * @param x float32 [..., C]
 * @param gain_C float32
 * @param bias_C float32
 * @returns float32 of x's shape
 */
export function batchNorm(
  x: tf.Tensor,
  gain_C: tf.Tensor,
  bias_C: tf.Tensor,
  { epsilon, relu = false }: { epsilon: number; relu?: boolean },
): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const [x, gain, bias] = args as tf.Tensor[];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const x_NC = rows(x!);
    const count = x_NC.shape[0]!;
    const centred_NC = tf.sub(x_NC, tf.mean(x_NC, 0));
    const inverse_C = tf.rsqrt(tf.add(tf.mean(tf.square(centred_NC), 0), epsilon));
    const scale_C = tf.mul(inverse_C, gain!);
    const normal_NC = tf.add(tf.mul(centred_NC, scale_C), bias!);
    const y_NC = relu ? tf.relu(normal_NC) : normal_NC;
    save(relu ? [centred_NC, inverse_C, scale_C, y_NC] : [centred_NC, inverse_C, scale_C]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [centred_NC, inverse_C, scale_C, y_NC] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
      const dy_NC = rows(dy);
      const g_NC = y_NC ? tf.where(tf.greater(y_NC, 0), dy_NC, tf.zerosLike(dy_NC)) : dy_NC;
      const dBias_C = tf.sum(g_NC, 0);
      const dGain_C = tf.mul(tf.sum(tf.mul(g_NC, centred_NC), 0), inverse_C);
      const along_NC = tf.mul(centred_NC, tf.div(tf.mul(dGain_C, inverse_C), count));
      const dx_NC = tf.mul(tf.sub(tf.sub(g_NC, along_NC), tf.div(dBias_C, count)), scale_C);
      return [tf.reshape(dx_NC, dy.shape), dGain_C, dBias_C];
    };
    return { value: tf.reshape(y_NC, x!.shape), gradFunc };
  });
  return op(x, gain_C, bias_C);
}

function rows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [-1, x.shape.at(-1)!]);
}
