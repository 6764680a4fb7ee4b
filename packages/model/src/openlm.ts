/**
 * The OpenLM decoder on one page: pre-norm blocks of rotary attention and SwiGLU, no biases, an untied head.
 * Plain tfjs operations and the modules of `@vlm/jit/nn`, over parameters that carry OpenLM's own tensor names.
 *
 * Source: mlfoundations/open_lm open_lm/model.py. Differs in keeping rotary tables in float32.
 * Legend: B rows, T positions, D dim, H hidden.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { layerNorm, linear, rmsNorm, swiglu } from '@vlm/jit/nn';
import type { Attend } from './attend.ts';
import type { OpenLmConfig } from './openlm-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

/**
 * In OpenLM's order. Starts are truncated normals: deviation 1/√(inputs), and for the two matrices that write to the residual stream of
 * layer l another 1/√(2(l+1)) (open_lm/model.py, `reset_parameters`).
 */
export function openLmParams(config: OpenLmConfig): ParameterSpecs {
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

/** The blocks and the final norm. @returns float32 [B, T, D] */
export function openLmHidden(config: OpenLmConfig, params: NamedTensors, x_BTD: tf.Tensor, attend: Attend): tf.Tensor {
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
