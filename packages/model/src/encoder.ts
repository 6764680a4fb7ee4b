/**
 * Small image encoders: a convolutional pyramid, a vision transformer, or the bare pixels. A frozen encoder gives a picture the same
 * features in any company: batch norms, with which the pyramid learns fastest, are folded away when training is over (`foldEncoder`).
 * Legend: B pictures, S pixels along a side, P cells, F feature width, D dim.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { attention, gelu, layerNorm, linear } from '@vlm/jit/nn';
import { convFeatures, convParams } from './conv-encoder.ts';
import { type EncoderConfig, encoderShape, type VitEncoderConfig } from './encoder-config.ts';
import { need, type ParameterSpecs, parameter } from './parameters.ts';

const epsilon = 1e-5;
const one = { kind: 'constant', value: 1 } as const;
const zero = { kind: 'constant', value: 0 } as const;

/** Names (`encoder.…`), shapes and starts of all parameters; none for bare patches. */
export function encoderParams(config: EncoderConfig): ParameterSpecs {
  if (config.kind === 'conv') return convParams(config);
  return config.kind === 'vit' ? vitParams(config) : {};
}

/**
 * The features that the decoder's projector reads, cells in reading order.
 * @param images_BSS3 float32 in [−1, 1]
 * @returns float32 [B, P, F] (see `encoderShape`)
 */
export function encodeImages(config: EncoderConfig, params: NamedTensors, images_BSS3: tf.Tensor): tf.Tensor {
  if (config.kind === 'conv') return convFeatures(config, params, images_BSS3);
  const patches_BPF = patchify(images_BSS3, config.imageSize, config.patchSize);
  return config.kind === 'vit' ? vitFeatures(config, params, patches_BPF) : patches_BPF;
}

/** Cuts pictures into squares, each flattened by row, column and channel. @returns [B, P, patchSize·patchSize·3] */
export function patchify(images_BSS3: tf.Tensor, imageSize: number, patchSize: number): tf.Tensor {
  const side = imageSize / patchSize;
  const grid = tf.reshape(images_BSS3, [-1, side, patchSize, side, patchSize, 3]);
  return tf.reshape(tf.transpose(grid, [0, 1, 3, 2, 4, 5]), [-1, side * side, patchSize * patchSize * 3]);
}

function vitParams(config: VitEncoderConfig): ParameterSpecs {
  const { dim, layers, patchSize } = config;
  const matrix = (outputs: number, inputs: number, scale = 1) =>
    parameter([outputs, inputs], { kind: 'truncated-normal', sigma: scale / Math.sqrt(inputs) });
  const specs: ParameterSpecs = {
    'encoder.patch.weight': matrix(dim, patchSize * patchSize * 3),
    'encoder.patch.bias': parameter([dim], zero),
    'encoder.positions': parameter([encoderShape(config).cells, dim], { kind: 'truncated-normal', sigma: 0.02 }),
  };
  for (let layer = 0; layer < layers; layer++) {
    const name = `encoder.layers.${layer}`;
    const residual = 1 / Math.sqrt(2 * (layer + 1));
    specs[`${name}.attention_norm.weight`] = parameter([dim], one);
    specs[`${name}.attention.in_proj.weight`] = matrix(3 * dim, dim);
    specs[`${name}.attention.out_proj.weight`] = matrix(dim, dim, residual);
    specs[`${name}.mlp_norm.weight`] = parameter([dim], one);
    specs[`${name}.mlp.up.weight`] = matrix(4 * dim, dim);
    specs[`${name}.mlp.down.weight`] = matrix(dim, 4 * dim, residual);
  }
  specs['encoder.norm.weight'] = parameter([dim], one);
  return specs;
}

function vitFeatures(config: VitEncoderConfig, params: NamedTensors, patches_BPF: tf.Tensor): tf.Tensor {
  const norm = (x: tf.Tensor, name: string) => layerNorm(x, need(params, `${name}.weight`), { epsilon });
  const embedded = linear(patches_BPF, need(params, 'encoder.patch.weight'), need(params, 'encoder.patch.bias'));
  let h_BPD = tf.add(embedded, need(params, 'encoder.positions'));
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `encoder.layers.${layer}`;
    const weight = (part: string) => need(params, `${name}.${part}.weight`);
    const qkv = linear(norm(h_BPD, `${name}.attention_norm`), weight('attention.in_proj'));
    const [q_BPD, k_BPD, v_BPD] = tf.split(qkv, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const seen_BPD = attention(q_BPD, k_BPD, v_BPD, { heads: config.heads });
    h_BPD = tf.add(h_BPD, linear(seen_BPD, weight('attention.out_proj')));
    const up = linear(norm(h_BPD, `${name}.mlp_norm`), weight('mlp.up'));
    h_BPD = tf.add(h_BPD, linear(gelu(up), weight('mlp.down')));
  }
  return norm(h_BPD, 'encoder.norm');
}
