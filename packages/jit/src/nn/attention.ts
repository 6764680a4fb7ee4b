/** Legend: B batch, T queries, S keys, D width = H heads · K. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
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
  const scale = 1 / Math.sqrt(K);
  // Two layouts of heads, chosen so that no product has to transpose a matrix of [T, S].
  const long = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, heads, K]), [0, 2, 1, 3]); // [B, H, T, K]
  const wide = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, heads, K]), [0, 2, 3, 1]); // [B, H, K, T]
  const fromLong = (x: tf.Tensor) => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, -1, D]);
  const fromWide = (x: tf.Tensor) => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [B, -1, D]);

  const plain = (): [tf.Tensor, tf.Tensor] => {
    let scores_BHTS = tf.matMul(tf.mul(long(q_BTD), scale), wide(k_BSD));
    if (causal && T > 1) scores_BHTS = tf.add(scores_BHTS, causalMask(T, S));
    if (mask_BTS) scores_BHTS = tf.add(scores_BHTS, tf.expandDims(mask_BTS, 1));
    const probabilities_BHTS = tf.softmax(scores_BHTS);
    return [fromLong(tf.matMul(probabilities_BHTS, long(v_BSD))), probabilities_BHTS];
  };
  const fused = () =>
    fusedOp(
      {
        op: 'Attention',
        // Output mode 3: the scores after the softmax.
        attributes: { is_causal: causal, q_num_heads: heads, kv_num_heads: heads, scale, qk_matmul_output_mode: 3 },
        outputs: [{ shape: [B, T, D], dtype: 'float32' }, null, null, { shape: [B, heads, T, S], dtype: 'float32' }],
      },
      mask_BTS ? [q_BTD, k_BSD, v_BSD, tf.expandDims(mask_BTS, 1)] : [q_BTD, k_BSD, v_BSD],
      plain,
    ) as [tf.Tensor, tf.Tensor];
  // The operator's own causal mask is taken to start at the first key, and our masks may broadcast: both differ in cached decoding alone.
  const isWholeMask = !mask_BTS || (mask_BTS.shape[0] === B && mask_BTS.shape[1] === T && mask_BTS.shape[2] === S);
  const fusible = isWholeMask && (!causal || S === T);

  return withGradient(
    [q_BTD, k_BSD, v_BSD],
    (save) => {
      const [y_BTD, probabilities_BHTS] = fusible ? fused() : plain();
      save([q_BTD, k_BSD, v_BSD, probabilities_BHTS, y_BTD]);
      return y_BTD;
    },
    (dy_BTD, saved) => {
      const [q, k, v, probabilities_BHTS, y_BTD] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dv_BHKS = tf.matMul(wide(dy_BTD), probabilities_BHTS);
      // Σ_s p·dp of a row equals Σ_k y·dy of that row, which is shorter.
      const rowSum_BTH = tf.sum(tf.reshape(tf.mul(dy_BTD, y_BTD), [B, T, heads, K]), -1);
      const rowSum_BHT1 = tf.expandDims(tf.transpose(rowSum_BTH, [0, 2, 1]), -1);
      const dScores_BHTS = tf.mul(probabilities_BHTS, tf.sub(tf.matMul(long(dy_BTD), wide(v)), rowSum_BHT1));
      const dq_BHTK = tf.matMul(dScores_BHTS, tf.mul(long(k), scale));
      const dk_BHKS = tf.matMul(tf.mul(wide(q), scale), dScores_BHTS);
      return [fromLong(dq_BHTK), fromWide(dk_BHKS), fromWide(dv_BHKS)];
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
