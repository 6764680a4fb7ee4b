/** Legend: N rows (all leading axes), H hidden width. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { JitError } from '../jit-error.ts';
import { asRows, width } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/**
 * The gated half of a SwiGLU feed-forward (Shazeer 2020): silu(gate) · up, where silu(z) = z · sigmoid(z).
 * @param gateUp_NH2 float32 [..., 2H], the gate in the first half
 * @returns float32 [..., H]
 * @throws {JitError} `invalid-definition` when the last axis is odd
 * @example linear(swiglu(linear(x_BTD, w12)), w3)
 */
export function swiglu(gateUp_NH2: tf.Tensor): tf.Tensor {
  const hidden = width(gateUp_NH2) / 2;
  if (!Number.isInteger(hidden)) {
    throw new JitError(
      'invalid-definition',
      `swiglu expects an even last axis [..., 2H], got [${gateUp_NH2.shape.join(', ')}].`,
    );
  }
  return withGradient(
    [gateUp_NH2],
    (save) => {
      const [gate_NH, up_NH] = tf.split(asRows(gateUp_NH2), 2, 1) as [tf.Tensor, tf.Tensor];
      const y_NH = tf.mul(silu(gate_NH), up_NH);
      save([gate_NH, up_NH]);
      return tf.reshape(y_NH, [...gateUp_NH2.shape.slice(0, -1), hidden]);
    },
    (dy, saved) => {
      const [gate_NH, up_NH] = saved as [tf.Tensor, tf.Tensor];
      const dy_NH = asRows(dy);
      const sigmoid_NH = tf.sigmoid(gate_NH);
      const silu_NH = tf.mul(gate_NH, sigmoid_NH);
      const y_NH = tf.mul(silu_NH, up_NH);
      // silu′ · up = (sigmoid + silu · (1 − sigmoid)) · up = y + sigmoid · (up − y)
      const slope_NH = tf.add(y_NH, tf.mul(sigmoid_NH, tf.sub(up_NH, y_NH)));
      const dUp_NH = tf.mul(dy_NH, silu_NH);
      return [tf.reshape(tf.concat([tf.mul(dy_NH, slope_NH), dUp_NH], 1), gateUp_NH2.shape)];
    },
  );
}

/** One pass over memory. The sigmoid is not kept for the gradient: computing it again is cheaper than its memory. */
function silu(x: tf.Tensor): tf.Tensor {
  const [y] = fusedOp(
    {
      op: 'QuickGelu',
      domain: 'com.microsoft',
      attributes: { alpha: 1 },
      outputs: [{ shape: x.shape, dtype: 'float32' }],
    },
    [x],
    () => [tf.mul(x, tf.sigmoid(x))],
  );
  return y!;
}
