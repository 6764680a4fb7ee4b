/** Parameters, floating-point operations and memory of a configuration, counted without building anything. */

import { headLayout } from './attend.ts';
import { convLayers } from './conv-encoder.ts';
import { decoderParams, decoderTables } from './decoder.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { type EncoderConfig, encoderShape } from './encoder-config.ts';
import { type ParameterSpecs, sizeOf } from './parameters.ts';

/** @returns the number of trainable numbers */
export function countParameters(specs: ParameterSpecs): number {
  return Object.values(specs).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** The decoder's parameters; of OpenLM's: L(4d² + 3dh + 2d [+ 2d with qk-norm]) + 2Vd + d. */
export function countDecoderParameters(config: DecoderConfig): number {
  return countParameters(decoderParams(config));
}

/**
 * Floating-point operations for one token, a multiply-add counted as two. Matrix products only: norms, activations and the softmax are
 * left out (below 2 % at the paper's sizes), the embedding is a look-up.
 *
 * @param positions tokens in a row (default: the configuration's sequence length)
 * @returns forward; backward (twice the forward: one product for the inputs, one for the weights); their sum
 * @example 79m: decoderFlops(decoderSize('79m')).total * tokens
 */
export function decoderFlops(
  config: DecoderConfig,
  positions: number = config.sequenceLength,
): { forward: number; backward: number; total: number } {
  const { heads, headWidth } = headLayout(config);
  const tables = decoderTables(config);
  // Every matrix is multiplied once for each token; a table of embeddings only where it is the head too.
  const weights = Object.entries(decoderParams(config)).reduce(
    (sum, [name, { shape }]) =>
      shape.length === 2 && (name !== tables.embedding || name === tables.head) ? sum + sizeOf(shape) : sum,
    0,
  );
  // Scores and weighted values, each 2 · heads' width per visible position; a causal row shows (T + 1) / 2 of them on average.
  const attention = config.layers * 4 * heads * headWidth * ((positions + 1) / 2);
  const forward = 2 * weights + attention;
  return { forward, backward: 2 * forward, total: 3 * forward };
}

/**
 * Floating-point operations of an encoder for one picture, counted as in `decoderFlops`.
 * @returns forward (features of a frozen encoder), and the total of a training step
 */
export function encoderFlops(config: EncoderConfig): { forward: number; total: number } {
  let products = 0;
  if (config.kind === 'conv') {
    for (const { side, kernel, inputs, outputs } of convLayers(config)) {
      products += side * side * kernel * kernel * inputs * outputs;
    }
  } else if (config.kind === 'vit') {
    const { dim, layers, patchSize } = config;
    const { cells } = encoderShape(config);
    products = cells * patchSize * patchSize * 3 * dim + layers * (cells * 12 * dim * dim + 2 * cells * cells * dim);
  }
  return { forward: 2 * products, total: 6 * products };
}

/**
 * Estimated bytes of one training step in float32.
 *
 * Activations per layer and token: two norms' inputs, queries, keys, values, attention's output (7d with the residual sums), SwiGLU's
 * gate, up and product (3h), and the attention probabilities (heads · T). Logits live chunk by chunk, once with their gradient.
 *
 * @param batch rows
 * @param logitChunk rows of logits that exist at once
 */
export function trainingMemory(
  config: DecoderConfig,
  batch: number,
  logitChunk = 1024,
): { parameters: number; gradients: number; moments: number; activations: number; total: number } {
  const { dim, hidden, layers, heads, vocabSize, sequenceLength } = config;
  const parameters = 4 * countDecoderParameters(config);
  const tokens = batch * sequenceLength;
  const perToken = layers * ((hasQkNorm(config) ? 9 : 7) * dim + 3 * hidden + heads * sequenceLength) + 2 * dim;
  const activations = 4 * (tokens * perToken + 2 * Math.min(tokens, logitChunk) * vocabSize);
  return {
    parameters,
    gradients: parameters,
    moments: 2 * parameters,
    activations,
    total: 4 * parameters + activations,
  };
}

function hasQkNorm(config: DecoderConfig): boolean {
  return config.family === 'openlm' ? config.qkNorm : config.family === 'llama' && config.qkNorm !== 'none';
}
