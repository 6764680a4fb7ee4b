/**
 * The Llama family on one page: RMSNorm, grouped queries, rotary positions and SwiGLU, over parameters that carry the names that
 * Hugging Face's `transformers` writes, so that a checkpoint of either side is one of the other's.
 *
 * Sources: Touvron et al. 2023 (Llama), Llama team 2024 (Llama 3's positions), Qwen team 2024 and 2025 (biases; norms of heads),
 * OLMo team 2025 (norms behind the parts). Legend: B rows, T positions, D dim, Q and K widths of all heads of queries and keys, H hidden.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { linear, rmsNorm, swiglu } from '@vlm/jit/nn';
import type { Attend } from './attend.ts';
import type { LlamaConfig } from './llama-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/** Starts as `transformers`': deviation 0.02 (cut at three deviations here), biases 0, gains 1. */
export function llamaParams(config: LlamaConfig): ParameterSpecs {
  const { dim, heads, keyHeads, headWidth, hidden, layers, vocabSize, qkNorm } = config;
  const [queries, keys] = [heads * headWidth, keyHeads * headWidth];
  const gain = (width: number) => parameter([width], { kind: 'constant', value: 1 });
  const matrix = (outputs: number, inputs: number) =>
    parameter([outputs, inputs], { kind: 'truncated-normal', sigma: 0.02 });
  const specs: ParameterSpecs = { 'model.embed_tokens.weight': matrix(vocabSize, dim) };
  const dense = (name: string, outputs: number, inputs: number, hasBias: boolean) => {
    specs[`${name}.weight`] = matrix(outputs, inputs);
    if (hasBias) specs[`${name}.bias`] = parameter([outputs], { kind: 'constant', value: 0 });
  };
  for (let layer = 0; layer < layers; layer++) {
    const name = `model.layers.${layer}`;
    dense(`${name}.self_attn.q_proj`, queries, dim, config.queryKeyValueBias);
    dense(`${name}.self_attn.k_proj`, keys, dim, config.queryKeyValueBias);
    dense(`${name}.self_attn.v_proj`, keys, dim, config.queryKeyValueBias);
    dense(`${name}.self_attn.o_proj`, dim, queries, config.attentionOutputBias);
    if (qkNorm !== 'none') {
      specs[`${name}.self_attn.q_norm.weight`] = gain(qkNorm === 'head' ? headWidth : queries);
      specs[`${name}.self_attn.k_norm.weight`] = gain(qkNorm === 'head' ? headWidth : keys);
    }
    dense(`${name}.mlp.gate_proj`, hidden, dim, config.feedForwardBias);
    dense(`${name}.mlp.up_proj`, hidden, dim, config.feedForwardBias);
    dense(`${name}.mlp.down_proj`, dim, hidden, config.feedForwardBias);
    for (const norm of normNames(config)) specs[`${name}.${norm}.weight`] = gain(dim);
  }
  specs['model.norm.weight'] = gain(dim);
  if (!config.tiedHead) specs['lm_head.weight'] = matrix(vocabSize, dim);
  return specs;
}

/** Of attention and of the feed-forward part. Where the norms stand before, the second is called after what stands before it. */
function normNames({ norms }: LlamaConfig): [attention: string, feedForward: string] {
  return norms === 'before'
    ? ['input_layernorm', 'post_attention_layernorm']
    : ['post_attention_layernorm', 'post_feedforward_layernorm'];
}

/** The blocks and the final norm. @returns float32 [B, T, D] */
export function llamaHidden(config: LlamaConfig, params: NamedTensors, x_BTD: tf.Tensor, attend: Attend): tf.Tensor {
  const epsilon = config.normEpsilon;
  const norm = (x: tf.Tensor, name: string) => rmsNorm(x, need(params, `${name}.weight`), { epsilon });
  const dense = (x: tf.Tensor, name: string) => linear(x, need(params, `${name}.weight`), params[`${name}.bias`]);
  const [attentionNorm, feedForwardNorm] = normNames(config);

  /** Adds to the stream what a part makes of it, normalised before or behind. */
  const residual = (h_BTD: tf.Tensor, normName: string, part: (x_BTD: tf.Tensor) => tf.Tensor) =>
    tf.add(h_BTD, config.norms === 'before' ? part(norm(h_BTD, normName)) : norm(part(h_BTD), normName));

  /** Queries or keys, normalised as the configuration says. */
  const normHeads = (x_BTQ: tf.Tensor, name: string) => {
    if (config.qkNorm === 'none') return x_BTQ;
    if (config.qkNorm === 'width') return norm(x_BTQ, name);
    return tf.reshape(norm(tf.reshape(x_BTQ, [-1, config.headWidth]), name), x_BTQ.shape);
  };

  let h_BTD = x_BTD;
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    h_BTD = residual(h_BTD, `${name}.${attentionNorm}`, (x) => {
      const q_BTQ = normHeads(dense(x, `${name}.self_attn.q_proj`), `${name}.self_attn.q_norm`);
      const k_BTK = normHeads(dense(x, `${name}.self_attn.k_proj`), `${name}.self_attn.k_norm`);
      const v_BTK = dense(x, `${name}.self_attn.v_proj`);
      return dense(attend(layer, q_BTQ, k_BTK, v_BTK), `${name}.self_attn.o_proj`);
    });
    h_BTD = residual(h_BTD, `${name}.${feedForwardNorm}`, (x) => {
      const gateUp_BTH2 = tf.concat([dense(x, `${name}.mlp.gate_proj`), dense(x, `${name}.mlp.up_proj`)], -1);
      return dense(swiglu(gateUp_BTH2), `${name}.mlp.down_proj`);
    });
  }
  return norm(h_BTD, 'model.norm');
}
