/** Legend: N rows (all leading axes), F features, H hidden, D width. */
import type * as tf from '@tensorflow/tfjs-core';
import { gelu } from './gelu.ts';
import { linear } from './linear.ts';

/**
 * Two linear layers with an exact GELU between them, from features of one model to the width of another, as LLaVA's and prismatic's
 * `gelu-mlp` (Liu et al. 2023, "Improved Baselines with Visual Instruction Tuning").
 * @param x_NF float32 [..., F]
 * @param weights `up_HF` [H, F] with bias `upBias_H`, then `down_DH` [D, H] with bias `downBias_D`; biases may be left out
 * @returns float32 [..., D]
 * @throws {JitError} `invalid-definition` when the widths disagree
 * @example projector(patches_BPF, { up_HF, upBias_H, down_DH, downBias_D }) // [B, P, D]
 */
export function projector(
  x_NF: tf.Tensor,
  weights: { up_HF: tf.Tensor; upBias_H?: tf.Tensor; down_DH: tf.Tensor; downBias_D?: tf.Tensor },
): tf.Tensor {
  const { up_HF, upBias_H, down_DH, downBias_D } = weights;
  return linear(gelu(linear(x_NF, up_HF, upBias_H)), down_DH, downBias_D);
}
