/** Legend: B batch, T queries, S keys, D width = H heads · K. */
import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/** Which keys a query sees. */
export interface AttentionOptions {
  heads: number;
  /** Query t sees keys 0 … S − T + t: the queries are the last T of the S positions. Default false: every key. */
  causal?: boolean;
  /** float32, added to the scores, broadcast to [B, T, S]: 0 where a key may be seen, −1e9 where not. No gradient. */
  mask_BTS?: tf.Tensor;
}

/** Scores of keys that may not be seen: far below every score, and finite so that no NaN can arise from it. */
const hidden = -1e9;

/**
 * Softmax attention (Vaswani et al. 2017) with scale 1/√K; its gradient is computed from the saved probabilities.
 * @param q_BTD float32 [B, T, D], heads side by side in D
 * @param k_BSD float32 [B, S, D]
 * @param v_BSD float32 [B, S, D]
 * @returns float32 [B, T, D]
 * @throws {JitError} `invalid-definition` when shapes disagree or D is no multiple of heads
 * @example attention(q_BTD, k_BTD, v_BTD, { heads: 4, causal: true })
 */
export function attention(q_BTD: tf.Tensor, k_BSD: tf.Tensor, v_BSD: tf.Tensor, options: AttentionOptions): tf.Tensor {
  const { heads, causal = false, mask_BTS } = options;
  expectShape('attention', 'q_BTD', q_BTD, [-1, -1, -1]);
  const [B, T, D] = q_BTD.shape as [number, number, number];
  expectShape('attention', 'k_BSD', k_BSD, [B, -1, D]);
  const S = k_BSD.shape[1]!;
  expectShape('attention', 'v_BSD', v_BSD, [B, S, D]);
  if (D % heads !== 0) {
    throw new JitError(
      'invalid-definition',
      `attention expects a width that is a multiple of heads, got ${D} for ${heads} heads.`,
    );
  }
  if (causal && S < T) {
    throw new JitError(
      'invalid-definition',
      `causal attention expects at least as many keys as queries, got ${S} keys, ${T} queries.`,
    );
  }
  const K = D / heads;
  const split = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, heads, K]), [0, 2, 1, 3]);
  const merge = (x: tf.Tensor) => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, -1, D]);
  const scale = 1 / Math.sqrt(K);

  return withGradient(
    [q_BTD, k_BSD, v_BSD],
    (save) => {
      const q_BHTK = tf.mul(split(q_BTD), scale);
      const k_BHSK = split(k_BSD);
      const v_BHSK = split(v_BSD);
      let scores_BHTS = tf.matMul(q_BHTK, k_BHSK, false, true);
      if (causal && T > 1) scores_BHTS = tf.add(scores_BHTS, causalMask(T, S));
      if (mask_BTS) scores_BHTS = tf.add(scores_BHTS, tf.expandDims(mask_BTS, 1));
      const probabilities_BHTS = tf.softmax(scores_BHTS);
      const y_BTD = merge(tf.matMul(probabilities_BHTS, v_BHSK));
      save([q_BHTK, k_BHSK, v_BHSK, probabilities_BHTS, y_BTD]);
      return y_BTD;
    },
    (dy_BTD, saved) => {
      const [q, k, v, probabilities, y_BTD] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dy = split(dy_BTD);
      const dv = tf.matMul(probabilities, dy, true, false);
      // Σ_s p·dp of a row equals Σ_k y·dy of that row, which is shorter.
      const rowSum_BHT1 = tf.transpose(
        tf.sum(tf.reshape(tf.mul(dy_BTD, y_BTD), [B, T, heads, K]), -1, true),
        [0, 2, 1, 3],
      );
      const dScores = tf.mul(probabilities, tf.sub(tf.matMul(dy, v, false, true), rowSum_BHT1));
      const dq = tf.mul(tf.matMul(dScores, k), scale);
      const dk = tf.matMul(dScores, q, true, false); // q was saved with the scale in it
      return [merge(dq), merge(dk), merge(dv)];
    },
  );
}

/**
 * Causal self-attention: `attention` with `causal: true`, as in a decoder.
 * @param q_BTD, k_BTD, v_BTD float32 [B, T, D]
 * @returns float32 [B, T, D]
 * @example causalAttention(rotary(q, r), rotary(k, r), v, { heads: 4 })
 */
export function causalAttention(
  q_BTD: tf.Tensor,
  k_BTD: tf.Tensor,
  v_BTD: tf.Tensor,
  options: { heads: number },
): tf.Tensor {
  return attention(q_BTD, k_BTD, v_BTD, { heads: options.heads, causal: true });
}

/** [1, 1, T, S]: 0 where key s ≤ S − T + t, `hidden` elsewhere. */
function causalMask(T: number, S: number): tf.Tensor {
  const mask = Float32Array.from({ length: T * S }, (_, i) => (i % S > S - T + Math.floor(i / S) ? hidden : 0));
  return tf.tensor(mask, [1, 1, T, S]);
}
