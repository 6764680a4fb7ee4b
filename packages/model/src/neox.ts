/**
 * The GPT-NeoX family (Pythia among it) on one page: LayerNorms and matrices with biases, heads of which a part turns, parallel residuals,
 * over parameters that carry the names that Hugging Face's `transformers` writes.
 *
 * Sources: Black et al. 2022 (GPT-NeoX-20B), Biderman et al. 2023 (Pythia). Legend: B rows, T positions, D dim = heads · W, N = B·T.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { gelu, layerNorm, linear } from '@vlm/jit/nn';
import type { Attend } from './attend.ts';
import type { NeoxConfig } from './neox-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/** Starts as `transformers`': deviation 0.02 (cut at three deviations here), biases 0, gains 1. */
export function neoxParams(config: NeoxConfig): ParameterSpecs {
  const { dim, hidden, layers, vocabSize, attentionBias } = config;
  const zeros = (width: number) => parameter([width], { kind: 'constant', value: 0 });
  const matrix = (outputs: number, inputs: number) =>
    parameter([outputs, inputs], { kind: 'truncated-normal', sigma: 0.02 });
  const specs: ParameterSpecs = { 'gpt_neox.embed_in.weight': matrix(vocabSize, dim) };
  const dense = (name: string, outputs: number, inputs: number, hasBias: boolean) => {
    specs[`${name}.weight`] = matrix(outputs, inputs);
    if (hasBias) specs[`${name}.bias`] = zeros(outputs);
  };
  const norm = (name: string) => {
    specs[`${name}.weight`] = parameter([dim], { kind: 'constant', value: 1 });
    specs[`${name}.bias`] = zeros(dim);
  };
  for (let layer = 0; layer < layers; layer++) {
    const name = `gpt_neox.layers.${layer}`;
    norm(`${name}.input_layernorm`);
    norm(`${name}.post_attention_layernorm`);
    dense(`${name}.attention.query_key_value`, 3 * dim, dim, attentionBias);
    dense(`${name}.attention.dense`, dim, dim, attentionBias);
    dense(`${name}.mlp.dense_h_to_4h`, hidden, dim, true);
    dense(`${name}.mlp.dense_4h_to_h`, dim, hidden, true);
  }
  norm('gpt_neox.final_layer_norm');
  if (!config.tiedHead) specs['embed_out.weight'] = matrix(vocabSize, dim);
  return specs;
}

/** The blocks and the final norm. @returns float32 [B, T, D] */
export function neoxHidden(config: NeoxConfig, params: NamedTensors, x_BTD: tf.Tensor, attend: Attend): tf.Tensor {
  const norm = (x: tf.Tensor, name: string) =>
    layerNorm(x, need(params, `${name}.weight`), {
      epsilon: config.normEpsilon,
      bias_D: need(params, `${name}.bias`),
    });
  const dense = (x: tf.Tensor, name: string) => linear(x, need(params, `${name}.weight`), params[`${name}.bias`]);

  /** The projection writes query, key and value of one head side by side: [N, heads, 3, W]. */
  const splitHeads = (qkv: tf.Tensor): [q_BTD: tf.Tensor, k_BTD: tf.Tensor, v_BTD: tf.Tensor] => {
    const parts = tf.split(tf.reshape(qkv, [-1, config.heads, 3, config.dim / config.heads]), 3, 2);
    return parts.map((part) => tf.reshape(part, x_BTD.shape)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  };

  let h_BTD = x_BTD;
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `gpt_neox.layers.${layer}`;
    const qkv = dense(norm(h_BTD, `${name}.input_layernorm`), `${name}.attention.query_key_value`);
    const seen_BTD = dense(attend(layer, ...splitHeads(qkv)), `${name}.attention.dense`);
    const between_BTD = tf.add(h_BTD, seen_BTD);
    const read_BTD = config.parallelResidual ? h_BTD : between_BTD;
    const up = dense(norm(read_BTD, `${name}.post_attention_layernorm`), `${name}.mlp.dense_h_to_4h`);
    h_BTD = tf.add(between_BTD, dense(gelu(up), `${name}.mlp.dense_4h_to_h`));
  }
  return norm(h_BTD, 'gpt_neox.final_layer_norm');
}
