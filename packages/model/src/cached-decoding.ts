/**
 * The two graphs of cached generation. `prefill` reads whole prompts and hands out the keys and values of every layer; `decodeStep`
 * reads one new token per row against those keys and values. Rows are padded on the right, so positions count from 0 in every row,
 * and what lies behind a row's end is never seen.
 *
 * Legend: B rows, T positions read at once, S slots of the cache, D dim, K width of all heads of keys, V vocabulary.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays, NamedTensors, Signature } from '@vlm/jit';
import { linear } from '@vlm/jit/nn';
import { type Attend, headLayout, headsOf, hiddenScore } from './attend.ts';
import { decoderHidden, embedTokens, headWeight } from './decoder.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { need } from './parameters.ts';
import { inputEmbeddings, type VlmConfig } from './vlm.ts';

export interface PrefillShape {
  batch: number;
  length: number;
  /** Rows of the patch table; 0 for prompts of text alone. */
  patches: number;
}

/** Inputs that carry prompts, with or without patches. */
export function promptSignature(config: VlmConfig, { batch, length, patches }: PrefillShape): Signature {
  const tokens: Signature = { tokens_BT: { shape: [batch, length], dtype: 'int32' } };
  if (patches === 0 || !config.projector) return tokens;
  return {
    ...tokens,
    slots_BT: { shape: [batch, length], dtype: 'int32' },
    patches_NF: { shape: [patches, config.projector.featureWidth], dtype: 'float32' },
  };
}

export function prefillSignature(config: VlmConfig, shape: PrefillShape): Signature {
  return {
    ...promptSignature(config, shape),
    last_B: { shape: [shape.batch], dtype: 'int32' }, // row · T + position of each prompt's last token
    bias_V: { shape: [config.decoder.vocabSize], dtype: 'float32' },
  };
}

/**
 * What leaves the graph for each row: its best allowed token (`next_B`, int32) with the sum of its logits (`sum_B`), which is finite only where all
 * of them are; or all logits to draw from (`logits_BV`).
 */
export type NextOutput = 'token' | 'logits';

/** @returns `next_B` and `sum_B`, or `logits_BV`, after each prompt, and for each layer l `kl_BTK`, `vl_BTK` (keys turned) */
export function prefill(config: VlmConfig, params: NamedTensors, inputs: NamedTensors, want: NextOutput): NamedTensors {
  const { turnQueries, turnKeys, look } = headsOf(config.decoder);
  const x_BTD = inputEmbeddings(config, params, need(inputs, 'tokens_BT'), inputs['slots_BT'], inputs['patches_NF']);
  const outputs: NamedTensors = {};
  const attend: Attend = (layer, q_BTQ, k_BTK, v_BTK) => {
    const turned_BTK = turnKeys(k_BTK);
    outputs[`k${layer}_BTK`] = turned_BTK;
    outputs[`v${layer}_BTK`] = v_BTK;
    return look(turnQueries(q_BTQ), turned_BTK, v_BTK, { causal: true });
  };
  const hidden_ND = tf.reshape(decoderHidden(config.decoder, params, x_BTD, attend), [-1, config.decoder.dim]);
  const last_BD = tf.gather(hidden_ND, need(inputs, 'last_B') as tf.Tensor1D);
  return { ...nextOutput(config.decoder, params, last_BD, need(inputs, 'bias_V'), want), ...outputs };
}

export function decodeSignature(config: DecoderConfig, batch: number, slots: number): Signature {
  const signature: Signature = {
    token_B1: { shape: [batch, 1], dtype: 'int32' },
    position_B1: { shape: [batch, 1], dtype: 'int32' },
    mask_B1S: { shape: [batch, 1, slots + 1], dtype: 'float32' }, // 0 for filled slots and the token itself, else very negative
    bias_V: { shape: [config.vocabSize], dtype: 'float32' },
  };
  const width = cacheWidth(config);
  for (let layer = 0; layer < config.layers; layer++) {
    signature[`k${layer}_BSK`] = { shape: [batch, slots, width], dtype: 'float32' };
    signature[`v${layer}_BSK`] = { shape: [batch, slots, width], dtype: 'float32' };
  }
  return signature;
}

/** @returns `next_B` and `sum_B`, or `logits_BV`, and the new token's `kl_BTK`, `vl_BTK` (T = 1), to be written into the cache at its position */
export function decodeStep(
  config: DecoderConfig,
  params: NamedTensors,
  inputs: NamedTensors,
  want: NextOutput,
): NamedTensors {
  const { turnQueries, turnKeys, look } = headsOf(config);
  const positions_BT = need(inputs, 'position_B1');
  const mask_BTS = need(inputs, 'mask_B1S');
  const outputs: NamedTensors = {};
  const attend: Attend = (layer, q_BTQ, k_BTK, v_BTK) => {
    const turned_BTK = turnKeys(k_BTK, positions_BT);
    outputs[`k${layer}_BTK`] = turned_BTK;
    outputs[`v${layer}_BTK`] = v_BTK;
    const keys_BSK = tf.concat([need(inputs, `k${layer}_BSK`), turned_BTK], 1);
    const values_BSK = tf.concat([need(inputs, `v${layer}_BSK`), v_BTK], 1);
    return look(turnQueries(q_BTQ, positions_BT), keys_BSK, values_BSK, { mask_BTS });
  };
  const x_BTD = embedTokens(config, params, need(inputs, 'token_B1'));
  const h_BD = tf.reshape(decoderHidden(config, params, x_BTD, attend), [-1, config.dim]);
  return { ...nextOutput(config, params, h_BD, need(inputs, 'bias_V'), want), ...outputs };
}

function nextOutput(
  config: DecoderConfig,
  params: NamedTensors,
  h_BD: tf.Tensor,
  bias_V: tf.Tensor,
  want: NextOutput,
): NamedTensors {
  const logits_BV = tf.add(linear(h_BD, headWeight(config, params)), bias_V);
  return want === 'logits' ? { logits_BV } : { next_B: tf.argMax(logits_BV, -1), sum_B: tf.sum(logits_BV, -1) };
}

/** @returns numbers that one position's keys take in one layer */
function cacheWidth(config: DecoderConfig): number {
  const { keyHeads, headWidth } = headLayout(config);
  return keyHeads * headWidth;
}

/** Keys and values of a batch, and how far each row has come; written by JavaScript, read by `decodeStep`. */
export class KeyValueCache {
  readonly #width: number;
  readonly #slots: number;
  readonly #arrays: Record<string, Float32Array> = {};
  readonly #mask_B1S: Float32Array;
  /** The position that each row's next token takes. */
  readonly #positions: Int32Array;

  /**
   * @param outputs what `prefill` handed out for prompts padded to `length`
   * @param lengths tokens of each row
   */
  constructor(config: DecoderConfig, slots: number, outputs: NamedArrays, length: number, lengths: readonly number[]) {
    this.#width = cacheWidth(config);
    this.#slots = slots;
    this.#positions = Int32Array.from(lengths);
    this.#mask_B1S = new Float32Array(lengths.length * (slots + 1)).fill(hiddenScore);
    lengths.forEach((n, row) => {
      this.#mask_B1S.fill(0, row * (slots + 1), row * (slots + 1) + n);
      this.#mask_B1S[row * (slots + 1) + slots] = 0;
    });
    for (let layer = 0; layer < config.layers; layer++) {
      for (const kind of ['k', 'v']) {
        const source = outputs[`${kind}${layer}_BTK`] as Float32Array;
        const cache = new Float32Array(lengths.length * slots * this.#width);
        const rowSize = length * this.#width;
        for (let row = 0; row < lengths.length; row++) {
          cache.set(source.subarray(row * rowSize, (row + 1) * rowSize), row * slots * this.#width);
        }
        this.#arrays[`${kind}${layer}_BSK`] = cache;
      }
    }
  }

  /** What `decodeStep` reads beside the token and the vocabulary's bias. */
  inputs(): NamedArrays {
    return { ...this.#arrays, mask_B1S: this.#mask_B1S, position_B1: this.#positions };
  }

  /** Writes what `decodeStep` handed out at every row's position and moves on by one. */
  append(outputs: NamedArrays): void {
    const width = this.#width;
    for (const [name, cache] of Object.entries(this.#arrays)) {
      const source = outputs[name.replace('_BSK', '_BTK')] as Float32Array;
      this.#positions.forEach((slot, row) => {
        cache.set(source.subarray(row * width, (row + 1) * width), (row * this.#slots + slot) * width);
      });
    }
    this.#positions.forEach((slot, row) => {
      this.#mask_B1S[row * (this.#slots + 1) + slot] = 0;
      this.#positions[row] = slot + 1;
    });
  }
}
