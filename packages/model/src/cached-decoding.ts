/**
 * The two graphs of cached generation. `prefill` reads whole prompts and hands out the keys and values of every layer; `decodeStep`
 * reads one new token per row against those keys and values. Rows are padded on the right, so positions count from 0 in every row,
 * and what lies behind a row's end is never seen.
 *
 * Legend: B rows, T positions of the prompts, S slots of the cache, H heads, E head width, D = H·E, G = E / 2, V vocabulary.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays, NamedTensors, Signature } from '@vlm/jit';
import { causalAttention, linear, rotary } from '@vlm/jit/nn';
import { type Attend, decoderHidden, embedTokens, headWeight } from './decoder.ts';
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

/** @returns `next_B` (int32, the best allowed token after each prompt) and for each layer l `kl_BHTE`, `vl_BHTE` (keys rotated) */
export function prefill(config: VlmConfig, params: NamedTensors, inputs: NamedTensors): NamedTensors {
  const { heads, rotaryBase: base, dim } = config.decoder;
  const x_BTD = inputEmbeddings(config, params, need(inputs, 'tokens_BT'), inputs['slots_BT'], inputs['patches_NF']);
  const [batch, length] = x_BTD.shape as [number, number];
  const toHeads = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [batch, length, heads, dim / heads]), [0, 2, 1, 3]);
  const outputs: NamedTensors = {};
  const attend: Attend = (layer, q_BTD, k_BTD, v_BTD) => {
    const rotated = rotary(k_BTD, { heads, base });
    outputs[`k${layer}_BHTE`] = toHeads(rotated);
    outputs[`v${layer}_BHTE`] = toHeads(v_BTD);
    return causalAttention(rotary(q_BTD, { heads, base }), rotated, v_BTD, { heads });
  };
  const hidden_ND = tf.reshape(decoderHidden(config.decoder, params, x_BTD, attend), [-1, dim]);
  const last_BD = tf.gather(hidden_ND, need(inputs, 'last_B') as tf.Tensor1D);
  return { next_B: bestToken(config.decoder, params, last_BD, need(inputs, 'bias_V')), ...outputs };
}

export function decodeSignature(config: DecoderConfig, batch: number, slots: number): Signature {
  const { dim, heads, layers, vocabSize } = config;
  const width = dim / heads;
  const signature: Signature = {
    token_B: { shape: [batch], dtype: 'int32' },
    cos_BG: { shape: [batch, width / 2], dtype: 'float32' },
    sin_BG: { shape: [batch, width / 2], dtype: 'float32' },
    hidden_BS: { shape: [batch, slots], dtype: 'float32' }, // 0 for slots that hold an earlier position, else very negative
    bias_V: { shape: [vocabSize], dtype: 'float32' },
  };
  for (let layer = 0; layer < layers; layer++) {
    signature[`k${layer}_BHSE`] = { shape: [batch, heads, slots, width], dtype: 'float32' };
    signature[`v${layer}_BHSE`] = { shape: [batch, heads, slots, width], dtype: 'float32' };
  }
  return signature;
}

/** @returns `next_B` and the new token's `kl_BHE`, `vl_BHE`, to be written into the cache at its position */
export function decodeStep(config: DecoderConfig, params: NamedTensors, inputs: NamedTensors): NamedTensors {
  const { dim, heads } = config;
  const width = dim / heads;
  const token_B = need(inputs, 'token_B');
  const batch = token_B.shape[0]!;
  const angles = (name: string) => tf.reshape(need(inputs, name), [batch, 1, 1, width / 2]);
  const [cos, sin] = [angles('cos_BG'), angles('sin_BG')];
  const hidden_B11S = tf.reshape(need(inputs, 'hidden_BS'), [batch, 1, 1, -1]);

  /** NeoX half rotation at each row's own position. @param x_B1D one position per row @returns [B, H, 1, E] */
  const rotate = (x_B1D: tf.Tensor) => {
    const halves = tf.split(tf.reshape(x_B1D, [batch, heads, 2, width / 2]), 2, 2) as [tf.Tensor, tf.Tensor];
    const first = tf.sub(tf.mul(halves[0], cos), tf.mul(halves[1], sin));
    const second = tf.add(tf.mul(halves[1], cos), tf.mul(halves[0], sin));
    return tf.reshape(tf.concat([first, second], 2), [batch, heads, 1, width]);
  };

  const outputs: NamedTensors = {};
  const attend: Attend = (layer, q_B1D, k_B1D, v_B1D) => {
    const [q_BH1E, k_BH1E] = [rotate(q_B1D), rotate(k_B1D)];
    const v_BH1E = tf.reshape(v_B1D, [batch, heads, 1, width]);
    outputs[`k${layer}_BHE`] = tf.reshape(k_BH1E, [batch, heads, width]);
    outputs[`v${layer}_BHE`] = tf.reshape(v_BH1E, [batch, heads, width]);
    const keys_BHSE = need(inputs, `k${layer}_BHSE`);
    const scale = 1 / Math.sqrt(width);
    const past_BH1S = tf.add(tf.mul(tf.matMul(q_BH1E, keys_BHSE, false, true), scale), hidden_B11S);
    const self_BH11 = tf.mul(tf.sum(tf.mul(q_BH1E, k_BH1E), -1, true), scale);
    const p_BH1S1 = tf.softmax(tf.concat([past_BH1S, self_BH11], -1));
    const slots = keys_BHSE.shape[2]!;
    const [pPast_BH1S, pSelf_BH11] = tf.split(p_BH1S1, [slots, 1], -1) as [tf.Tensor, tf.Tensor];
    const seen_BH1E = tf.add(tf.matMul(pPast_BH1S, need(inputs, `v${layer}_BHSE`)), tf.mul(pSelf_BH11, v_BH1E));
    return tf.reshape(seen_BH1E, [batch, 1, dim]);
  };
  const x_B1D = embedTokens(params, tf.reshape(token_B, [batch, 1]));
  const h_BD = tf.reshape(decoderHidden(config, params, x_B1D, attend), [batch, dim]);
  return { next_B: bestToken(config, params, h_BD, need(inputs, 'bias_V')), ...outputs };
}

function bestToken(config: DecoderConfig, params: NamedTensors, h_BD: tf.Tensor, bias_V: tf.Tensor): tf.Tensor {
  return tf.argMax(tf.add(linear(h_BD, headWeight(config, params)), bias_V), -1);
}

/** Keys and values of a batch, and how far each row has come; written by JavaScript, read by `decodeStep`. */
export class KeyValueCache {
  readonly #config: DecoderConfig;
  readonly #slots: number;
  readonly #arrays: Record<string, Float32Array> = {};
  readonly #hidden_BS: Float32Array;
  /** The position that each row's next token takes. */
  readonly positions: Int32Array;

  constructor(config: DecoderConfig, batch: number, slots: number) {
    this.#config = config;
    this.#slots = slots;
    for (const [name, { shape }] of Object.entries(decodeSignature(config, batch, slots))) {
      if (name.endsWith('_BHSE')) this.#arrays[name] = new Float32Array(shape.reduce((a, b) => a * b, 1));
    }
    this.#hidden_BS = new Float32Array(batch * slots).fill(-1e9);
    this.positions = new Int32Array(batch);
  }

  /** Takes over what `prefill` handed out for prompts of `length` padded positions. */
  fill(outputs: NamedArrays, length: number, lengths: readonly number[]): void {
    const width = this.#config.dim / this.#config.heads;
    for (const [name, cache] of Object.entries(this.#arrays)) {
      const source = outputs[name.replace('_BHSE', '_BHTE')] as Float32Array;
      const rows = cache.length / (this.#slots * width);
      for (let row = 0; row < rows; row++) {
        cache.set(source.subarray(row * length * width, (row + 1) * length * width), row * this.#slots * width);
      }
    }
    this.#hidden_BS.fill(-1e9);
    lengths.forEach((n, row) => {
      this.positions[row] = n;
      this.#hidden_BS.fill(0, row * this.#slots, row * this.#slots + n);
    });
  }

  /** What `decodeStep` reads beside the token and the vocabulary's bias. */
  inputs(): NamedArrays {
    const { dim, heads, rotaryBase } = this.#config;
    const half = dim / heads / 2;
    const cos_BG = new Float32Array(this.positions.length * half);
    const sin_BG = new Float32Array(cos_BG.length);
    for (let i = 0; i < cos_BG.length; i++) {
      const angle = this.positions[Math.floor(i / half)]! * rotaryBase ** (-(i % half) / half);
      cos_BG[i] = Math.cos(angle);
      sin_BG[i] = Math.sin(angle);
    }
    return { ...this.#arrays, hidden_BS: this.#hidden_BS, cos_BG, sin_BG };
  }

  /** Writes the new keys and values at every row's position and moves on by one. */
  append(outputs: NamedArrays): void {
    const { dim, heads } = this.#config;
    const width = dim / heads;
    for (const [name, cache] of Object.entries(this.#arrays)) {
      const source = outputs[name.replace('_BHSE', '_BHE')] as Float32Array;
      for (let row = 0; row < source.length / width; row++) {
        const slot = this.positions[Math.floor(row / heads)]!;
        cache.set(source.subarray(row * width, (row + 1) * width), (row * this.#slots + slot) * width);
      }
    }
    this.positions.forEach((slot, row) => {
      this.#hidden_BS[row * this.#slots + slot] = 0;
      this.positions[row] = slot + 1;
    });
  }
}
