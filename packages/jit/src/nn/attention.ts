/** Legend: B batch, T queries, S keys, D width = H heads · K, R queries of one block. */
import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/** Which keys a query sees. */
export interface AttentionOptions {
  heads: number;
  /** Query t sees keys 0 … S − T + t: the queries are the last T of the S positions. Default false: every key. */
  causal?: boolean;
  /** float32 of rank 3, added to the scores, broadcast to [B, T, S]: 0 where a key may be seen, −1e9 where not. No gradient. */
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
  if (mask_BTS) expectShape('attention', 'mask_BTS', mask_BTS, [-1, -1, -1]);
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
  const long = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, heads, K]), [0, 2, 1, 3]); // [B, H, T, K]
  const wide = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, heads, K]), [0, 2, 3, 1]); // [B, H, K, T]
  const fromLong = (x: tf.Tensor) => tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B, -1, D]);

  const blocks = queryBlocks(T, S, causal);
  const byBlock = (x_BHTK: tf.Tensor) =>
    tf.split(
      x_BHTK,
      blocks.map(({ start, end }) => end - start),
      2,
    );
  const keysOf = (x: tf.Tensor, { keys }: QueryBlock, axis: 2 | 3) => {
    const size = x.shape.with(axis, keys);
    return keys === S ? x : tf.slice(x, [0, 0, 0, 0], size);
  };
  const masks = blocks.map((block) => blockMask(block, causal, mask_BTS));
  const softmax = (scores_BHRS: tf.Tensor, block: number) => {
    const mask = masks[block];
    return tf.softmax(mask ? tf.add(scores_BHRS, mask) : scores_BHRS);
  };
  // Few keys: their probabilities are kept. Many: they are computed again, so that memory grows with T and not with its square.
  const keeps = S <= keptKeys;

  return withGradient(
    [q_BTD, k_BSD, v_BSD],
    (save) => {
      const [q_BHTK, k_BHSK, v_BHSK] = [q_BTD, k_BSD, v_BSD].map(long) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const queries = byBlock(tf.mul(q_BHTK, scale));
      const kept: tf.Tensor[] = [];
      const ys = blocks.map((block, i) => {
        const p_BHRS = softmax(tf.matMul(queries[i]!, keysOf(k_BHSK, block, 2), false, true), i);
        if (keeps) kept.push(p_BHRS);
        return tf.matMul(p_BHRS, keysOf(v_BHSK, block, 2));
      });
      const y_BTD = fromLong(tf.concat(ys, 2));
      const used = masks.filter((mask) => mask !== undefined);
      save([q_BTD, k_BSD, v_BSD, y_BTD, ...kept, ...used]);
      return y_BTD;
    },
    (dy_BTD, saved) => {
      const [q, k, v, y_BTD, ...kept] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      // Σ_s p·dp of a row equals Σ_k y·dy of that row, which is shorter.
      const rowSum_BTH = tf.sum(tf.reshape(tf.mul(dy_BTD, y_BTD), [B, T, heads, K]), -1);
      const rowSums = byBlock(tf.expandDims(tf.transpose(rowSum_BTH, [0, 2, 1]), -1));
      const [queries, dys] = [byBlock(long(q)), byBlock(long(dy_BTD))];
      // Scaled here and not on the side of the queries, as before: equal nodes would be merged, and the first ones kept until now.
      const k_BHSK = tf.mul(long(k), scale);
      const v_BHKS = wide(v);
      const dqs: tf.Tensor[] = [];
      const [dks, dvs]: [tf.Tensor[], tf.Tensor[]] = [[], []];
      for (const [i, block] of blocks.entries()) {
        const keys_BHSK = keysOf(k_BHSK, block, 2);
        const p_BHRS = keeps ? kept[i]! : softmax(tf.matMul(queries[i]!, keys_BHSK, false, true), i);
        const dp_BHRS = tf.matMul(dys[i]!, keysOf(v_BHKS, block, 3));
        const dScores_BHRS = tf.mul(p_BHRS, tf.sub(dp_BHRS, rowSums[i]!));
        dqs.push(tf.matMul(dScores_BHRS, keys_BHSK));
        dks.push(tf.matMul(dScores_BHRS, tf.mul(queries[i]!, scale), true, false));
        dvs.push(tf.matMul(p_BHRS, dys[i]!, true, false));
      }
      return [fromLong(tf.concat(dqs, 2)), fromLong(sumOfPrefixes(dks)), fromLong(sumOfPrefixes(dvs))];
    },
  );
}

/** Rows of at most so many keys keep their probabilities for the gradient: computing them again would cost two to three percent of a step. */
const keptKeys = 256;
/** Queries that are worked on together, where a block sees fewer keys than the next: few, but enough for products at full speed. */
const blockRows = (T: number): number => (T < 1024 ? 128 : 256);

/** Queries `start` to `end` see the first `keys` keys. */
interface QueryBlock {
  start: number;
  end: number;
  keys: number;
}

/**
 * How many scores `attention` computes for each head and row of a batch, for plans of operations and memory.
 * @param T queries
 * @param S keys
 * @returns `computed` once, of at most T · S, as blocks of keys that no query sees are left out; `kept` as probabilities for the gradient: all of
 * them, or none where the gradient computes them again; `atOnce` in the largest block
 * @example attentionScores(1024, 1024, { causal: true }) // { computed: 655360, kept: 0, atOnce: 262144 }
 */
export function attentionScores(
  T: number,
  S: number,
  { causal = false }: Pick<AttentionOptions, 'causal'> = {},
): { computed: number; kept: number; atOnce: number } {
  const sizes = queryBlocks(T, S, causal).map(({ start, end, keys }) => (end - start) * keys);
  const computed = sizes.reduce((sum, size) => sum + size, 0);
  return { computed, kept: S <= keptKeys ? computed : 0, atOnce: Math.max(...sizes) };
}

function queryBlocks(T: number, S: number, causal: boolean): QueryBlock[] {
  const isLong = T * S > keptKeys ** 2;
  const count = causal || isLong ? Math.ceil(T / blockRows(T)) : 1;
  return Array.from({ length: count }, (_, i) => {
    const [start, end] = [Math.floor((i * T) / count), Math.floor(((i + 1) * T) / count)];
    return { start, end, keys: causal ? S - T + end : S };
  });
}

/** What is added to the scores of a block, broadcast to [B, H, R, S]; nothing where every key may be seen. */
function blockMask(
  { start, end, keys }: QueryBlock,
  causal: boolean,
  mask_BTS: tf.Tensor | undefined,
): tf.Tensor | undefined {
  const rows = end - start;
  const ahead = causal && rows > 1 ? causalMask(rows, keys) : undefined;
  if (!mask_BTS) return ahead;
  const [maskB, maskT, maskS] = mask_BTS.shape as [number, number, number];
  const size = [maskB, maskT === 1 ? 1 : rows, maskS === 1 ? 1 : keys];
  const isWhole = size[1] === maskT && size[2] === maskS;
  const part_BRS = isWhole ? mask_BTS : tf.slice(mask_BTS, [0, maskT === 1 ? 0 : start, 0], size);
  const part = tf.expandDims(part_BRS, 1);
  return ahead ? tf.add(part, ahead) : part;
}

/** The sum of gradients [B, H, S₁, K], [B, H, S₂, K], … with S₁ ≤ S₂ ≤ …, each of the first keys only. */
function sumOfPrefixes(parts: tf.Tensor[]): tf.Tensor {
  const [shortest, ...longer] = parts as [tf.Tensor, ...tf.Tensor[]];
  return longer.reduce((sum, part) => {
    const [known, all] = [sum.shape[2]!, part.shape[2]!];
    if (known === all) return tf.add(sum, part);
    const [same, more] = tf.split(part, [known, all - known], 2) as [tf.Tensor, tf.Tensor];
    return tf.concat([tf.add(sum, same), more], 2);
  }, shortest);
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

/** [1, 1, R, S]: 0 where row r sees key s ≤ S − R + r, `hidden` elsewhere. */
function causalMask(R: number, S: number): tf.Tensor {
  const mask = new Float32Array(R * S);
  for (let r = 0; r < R; r++) mask.fill(hidden, r * S + S - R + r + 1, (r + 1) * S);
  return tf.tensor(mask, [1, 1, R, S]);
}
