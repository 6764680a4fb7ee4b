import * as tf from '@tensorflow/tfjs-core';

/**
 * `tf.customGrad` with types that fit modules: a value and the hand-written gradient of every input.
 * Integer tensors have no gradient: a module closes over them in `forward` instead of listing them in `inputs`.
 * @param inputs float32 tensors that the value depends on
 * @param forward computes the value; every tensor that the gradient will need, integers too, goes through one call of `save`
 *   (eager backends dispose of the others before the gradient is computed)
 * @param backward from the gradient of the value and the saved tensors to one gradient per input, in order
 * @returns the value
 */
export function withGradient(
  inputs: tf.Tensor[],
  forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  const f = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    return { value: forward(save), gradFunc: backward };
  });
  return f(...inputs);
}
