/**
 * The OpenLM decoder on one page: pre-norm blocks of rotary attention and SwiGLU, no biases, an untied head.
 * Plain tfjs operations and the modules of `@vlm/jit/nn`, over parameters that carry OpenLM's own tensor names.
 *
 * Source: mlfoundations/open_lm open_lm/model.py. Differs in keeping rotary tables in float32.
 * Legend: B rows, T positions, D dim, H hidden, V vocabulary.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { attention, causalAttention, embedding, layerNorm, linear, rmsNorm, rotary, swiglu } from '@vlm/jit/nn';
import type { DecoderConfig } from './decoder-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/**
 * Names, shapes and starts of all parameters, in OpenLM's order. Starts are truncated normals: deviation 1/√(inputs), and for the
 * two matrices that write to the residual stream of layer l another 1/√(2(l+1)) (open_lm/model.py, `reset_parameters`).
 */
export function decoderParams(config: DecoderConfig): ParameterSpecs {
  const { dim, hidden, layers, vocabSize } = config;
  const gain = () => parameter([dim], { kind: 'constant', value: 1 });
  const matrix = (outputs: number, inputs: number, scale = 1) =>
    parameter([outputs, inputs], { kind: 'truncated-normal', sigma: scale / Math.sqrt(inputs) });

  const specs: ParameterSpecs = { 'tok_embeddings.weight': matrix(vocabSize, dim) };
  for (let layer = 0; layer < layers; layer++) {
    const name = `layers.${layer}`;
    const residual = 1 / Math.sqrt(2 * (layer + 1));
    specs[`${name}.attention.in_proj.weight`] = matrix(3 * dim, dim);
    specs[`${name}.attention.out_proj.weight`] = matrix(dim, dim, residual);
    if (config.qkNorm) {
      specs[`${name}.attention.q_norm.weight`] = gain();
      specs[`${name}.attention.k_norm.weight`] = gain();
    }
    specs[`${name}.feed_forward.w12.weight`] = matrix(2 * hidden, dim);
    specs[`${name}.feed_forward.w3.weight`] = matrix(dim, hidden, residual);
    specs[`${name}.attention_norm.weight`] = gain();
    specs[`${name}.ffn_norm.weight`] = gain();
  }
  specs['norm.weight'] = gain();
  if (!config.tiedHead) specs['output.weight'] = matrix(vocabSize, dim);
  return specs;
}

/** What attention does with one layer's queries, keys and values (normalised, not yet rotated): training and cached decoding differ only here. */
export type Attend = (layer: number, q_BTD: tf.Tensor, k_BTD: tf.Tensor, v_BTD: tf.Tensor) => tf.Tensor;

/** Every position sees itself and those before it; positions count from 0 in each row. */
export function causalAttend(config: DecoderConfig): Attend {
  const { heads, rotaryBase: base } = config;
  return (_layer, q_BTD, k_BTD, v_BTD) =>
    causalAttention(rotary(q_BTD, { heads, base }), rotary(k_BTD, { heads, base }), v_BTD, { heads });
}

/**
 * Every position sees itself and those before it of the same item: items that share a row do not see each other.
 * @param items_BT int32, equal where two positions belong to one item
 */
export function withinItemAttend(config: DecoderConfig, items_BT: tf.Tensor): Attend {
  const { heads, rotaryBase: base } = config;
  const [B, T] = items_BT.shape as [number, number];
  const isSame_BTT = tf.equal(tf.reshape(items_BT, [B, T, 1]), tf.reshape(items_BT, [B, 1, T]));
  const isBefore_TT = tf.tensor(
    Int32Array.from({ length: T * T }, (_, i) => Number(i % T <= Math.floor(i / T))),
    [1, T, T],
    'int32',
  );
  const mayBeSeen_BTT = tf.mul(tf.cast(isSame_BTT, 'float32'), tf.cast(isBefore_TT, 'float32'));
  const mask_BTS = tf.mul(tf.sub(1, mayBeSeen_BTT), hiddenScore);
  return (_layer, q_BTD, k_BTD, v_BTD) =>
    attention(rotary(q_BTD, { heads, base }), rotary(k_BTD, { heads, base }), v_BTD, { heads, mask_BTS });
}

/** Added to scores of keys that may not be seen: far below every score, and finite so that no NaN can arise from it. */
const hiddenScore = -1e9;

/** @returns token embeddings, float32 [B, T, D] */
export function embedTokens(params: NamedTensors, tokens_BT: tf.Tensor): tf.Tensor {
  return embedding(need(params, 'tok_embeddings.weight'), tokens_BT);
}

/** @returns the matrix that turns hidden states into logits, float32 [V, D] */
export function headWeight(config: DecoderConfig, params: NamedTensors): tf.Tensor {
  return need(params, config.tiedHead ? 'tok_embeddings.weight' : 'output.weight');
}

/**
 * The blocks and the final norm.
 * @param x_BTD float32 input embeddings
 * @param attend how positions see each other; causal by default
 * @returns float32 [B, T, D], to be multiplied with `headWeight`
 */
export function decoderHidden(
  config: DecoderConfig,
  params: NamedTensors,
  x_BTD: tf.Tensor,
  attend: Attend = causalAttend(config),
): tf.Tensor {
  const norm = (x: tf.Tensor, name: string) =>
    (config.norm === 'rms' ? rmsNorm : layerNorm)(x, need(params, `${name}.weight`), { epsilon: config.normEpsilon });

  let h_BTD = x_BTD;
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `layers.${layer}`;
    const weight = (part: string) => need(params, `${name}.${part}.weight`);

    const qkv = linear(norm(h_BTD, `${name}.attention_norm`), weight('attention.in_proj'));
    let [q_BTD, k_BTD, v_BTD] = tf.split(qkv, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    if (config.qkNorm) {
      q_BTD = norm(q_BTD, `${name}.attention.q_norm`);
      k_BTD = norm(k_BTD, `${name}.attention.k_norm`);
    }
    h_BTD = tf.add(h_BTD, linear(attend(layer, q_BTD, k_BTD, v_BTD), weight('attention.out_proj')));

    const gateUp_BTH2 = linear(norm(h_BTD, `${name}.ffn_norm`), weight('feed_forward.w12'));
    h_BTD = tf.add(h_BTD, linear(swiglu(gateUp_BTH2), weight('feed_forward.w3')));
  }
  return norm(h_BTD, 'norm');
}

/**
 * Next-token logits of a text batch.
 * @param tokens_BT int32 ids
 * @returns float32 [B, T, V]
 */
export function decoderLogits(config: DecoderConfig, params: NamedTensors, tokens_BT: tf.Tensor): tf.Tensor {
  return linear(decoderHidden(config, params, embedTokens(params, tokens_BT)), headWeight(config, params));
}
