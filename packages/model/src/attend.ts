/**
 * What happens between a block's queries, keys and values and the sum that it adds to the residual stream: heads turn with their
 * positions, keys are shared among queries, and a rule says who sees whom.
 *
 * Legend: B rows, T positions, S keys, Q width of all heads of queries, K width of all heads of keys, W width of a head.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type AttentionOptions, attention, rotary } from '@vlm/jit/nn';
import type { DecoderConfig } from './decoder-config.ts';
import { scaledFrequencies } from './rotary-scaling.ts';

/** How many heads there are, how wide, and how much of each turns. */
export interface HeadLayout {
  heads: number;
  /** Heads of keys and values: a divisor of `heads`. */
  keyHeads: number;
  headWidth: number;
  /** Features of each head that turn with the position, the first ones. */
  rotaryWidth: number;
}

export function headLayout(config: DecoderConfig): HeadLayout {
  const { dim, heads } = config;
  switch (config.family) {
    case 'openlm':
      return { heads, keyHeads: heads, headWidth: dim / heads, rotaryWidth: dim / heads };
    case 'llama':
      return { heads, keyHeads: config.keyHeads, headWidth: config.headWidth, rotaryWidth: config.headWidth };
    case 'gpt-neox':
      return { heads, keyHeads: heads, headWidth: dim / heads, rotaryWidth: config.rotaryWidth };
  }
}

/** What attention does with one layer's queries, keys and values (normalised, not yet rotated): training and cached decoding differ only here. */
export type Attend = (layer: number, q_BTQ: tf.Tensor, k_BTK: tf.Tensor, v_BTK: tf.Tensor) => tf.Tensor;

/** The two halves of an `Attend`: turn, then look. */
export interface Heads {
  /** @param positions_BT int32; counted from 0 in each row when left out */
  turnQueries(q_BTQ: tf.Tensor, positions_BT?: tf.Tensor): tf.Tensor;
  turnKeys(k_BTK: tf.Tensor, positions_BT?: tf.Tensor): tf.Tensor;
  /** @returns [B, T, Q] */
  look(q_BTQ: tf.Tensor, k_BSK: tf.Tensor, v_BSK: tf.Tensor, options: Omit<AttentionOptions, 'heads'>): tf.Tensor;
}

export function headsOf(config: DecoderConfig): Heads {
  const layout = headLayout(config);
  const { heads, keyHeads } = layout;
  const scaling = config.family === 'openlm' ? null : config.rotaryScaling;
  const speeds = scaling
    ? { frequencies: scaledFrequencies(layout.rotaryWidth / 2, config.rotaryBase, scaling) }
    : undefined;
  const turn = (x_BTD: tf.Tensor, count: number, positions_BT?: tf.Tensor) =>
    turnFirst(x_BTD, count, layout, (turning) =>
      rotary(turning, {
        heads: count,
        base: config.rotaryBase,
        ...speeds,
        ...(positions_BT ? { positions_BT } : {}),
      }),
    );
  return {
    turnQueries: (q_BTQ, positions_BT) => turn(q_BTQ, heads, positions_BT),
    turnKeys: (k_BTK, positions_BT) => turn(k_BTK, keyHeads, positions_BT),
    look: (q_BTQ, k_BSK, v_BSK, options) =>
      attention(q_BTQ, shareHeads(k_BSK, layout), shareHeads(v_BSK, layout), { heads, ...options }),
  };
}

/** Every position sees itself and those before it; positions count from 0 in each row. */
export function causalAttend(config: DecoderConfig): Attend {
  const { turnQueries, turnKeys, look } = headsOf(config);
  return (_layer, q_BTQ, k_BTK, v_BTK) => look(turnQueries(q_BTQ), turnKeys(k_BTK), v_BTK, { causal: true });
}

/**
 * Every position sees itself and those before it of the same item: items that share a row do not see each other.
 * @param items_BT int32, equal where two positions belong to one item
 */
export function withinItemAttend(config: DecoderConfig, items_BT: tf.Tensor): Attend {
  const { turnQueries, turnKeys, look } = headsOf(config);
  const [B, T] = items_BT.shape as [number, number];
  const isSame_BTT = tf.equal(tf.reshape(items_BT, [B, T, 1]), tf.reshape(items_BT, [B, 1, T]));
  const mask_BTS = tf.mul(tf.sub(1, tf.cast(isSame_BTT, 'float32')), hiddenScore);
  const options = { causal: true, mask_BTS };
  return (_layer, q_BTQ, k_BTK, v_BTK) => look(turnQueries(q_BTQ), turnKeys(k_BTK), v_BTK, options);
}

/** Added to scores of keys that may not be seen: far below every score, and finite so that no NaN can arise from it. */
export const hiddenScore: number = -1e9;

/** Applies `turn` to the first features of every head; the others pass. */
function turnFirst(
  x_BTD: tf.Tensor,
  count: number,
  { headWidth, rotaryWidth }: HeadLayout,
  turn: (x: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  if (rotaryWidth === headWidth) return turn(x_BTD);
  const [B, T, D] = x_BTD.shape as [number, number, number];
  const parts = tf.split(tf.reshape(x_BTD, [B * T, count, headWidth]), [rotaryWidth, headWidth - rotaryWidth], 2);
  const [turning, passing] = parts as [tf.Tensor, tf.Tensor];
  const turned = turn(tf.reshape(turning, [B, T, count * rotaryWidth]));
  return tf.reshape(tf.concat([tf.reshape(turned, turning.shape), passing], 2), [B, T, D]);
}

/** Repeats every head of keys for the queries that share it. */
function shareHeads(k_BSK: tf.Tensor, { heads, keyHeads, headWidth }: HeadLayout): tf.Tensor {
  if (keyHeads === heads) return k_BSK;
  const [B, S] = k_BSK.shape as [number, number];
  const single = tf.reshape(k_BSK, [B * S, keyHeads, 1, headWidth]);
  const shared = tf.concat(new Array<tf.Tensor>(heads / keyHeads).fill(single), 2);
  return tf.reshape(shared, [B, S, heads * headWidth]);
}
