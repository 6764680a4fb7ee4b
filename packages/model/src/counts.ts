/** Parameters, floating-point operations and memory of a configuration, counted without building anything. */

import { attentionScores } from '@vlm/jit/nn';
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
 * @returns forward; backward (twice the forward: one product for the inputs, one for the weights); their sum; and `executed`, the sum as
 * compiled steps compute it: hidden scores too, but for blocks of keys that no query sees, and in long rows the scores once more for the gradient
 * @example 79m: decoderFlops(decoderSize('79m')).total * tokens
 */
export function decoderFlops(
  config: DecoderConfig,
  positions: number = config.sequenceLength,
): { forward: number; backward: number; total: number; executed: number } {
  const { heads, headWidth } = headLayout(config);
  const tables = decoderTables(config);
  // Every matrix is multiplied once for each token; a table of embeddings only where it is the head too.
  const weights = Object.entries(decoderParams(config)).reduce(
    (sum, [name, { shape }]) =>
      shape.length === 2 && (name !== tables.embedding || name === tables.head) ? sum + sizeOf(shape) : sum,
    0,
  );
  // Scores and weighted values, each 2 · heads' width per position; a causal row shows (T + 1) / 2 of T on average.
  const attention = config.layers * 4 * heads * headWidth;
  const forward = 2 * weights + attention * ((positions + 1) / 2);
  const { computed, kept } = attentionScores(positions, positions, { causal: true });
  // Forward two products for each score, backward four; a fifth where the score is computed again.
  const executed = 6 * weights + (kept > 0 ? 3 : 3.5) * attention * (computed / positions);
  return { forward, backward: 2 * forward, total: 3 * forward, executed };
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
 * Activations are what the backward pass reads: per layer and token the residual stream before each part and behind each norm, queries,
 * keys, values and attention's output (8d; 10d where queries and keys are normalised), the feed-forward part's inner numbers (gate, up
 * and product: 3h; up and GELU: 2h) and in rows of up to 256 tokens the attention probabilities (heads · T). To these come, one after the other, logits
 * with their gradient, of which about 1.7 times the whole exist at once, with one gradient of the head; and in longer rows the scores of one layer,
 * computed again, with two more of the largest block. The larger of both counts: as `explain` of `@vlm/jit` counts it in compiled steps.
 *
 * @param batch rows
 */
export function trainingMemory(
  config: DecoderConfig,
  batch: number,
): { parameters: number; gradients: number; moments: number; activations: number; total: number } {
  const { dim, hidden, layers, heads, vocabSize, sequenceLength } = config;
  const parameters = 4 * countDecoderParameters(config);
  const tokens = batch * sequenceLength;
  const inner = (config.family === 'gpt-neox' ? 2 : 3) * hidden;
  const { computed, kept, atOnce } = attentionScores(sequenceLength, sequenceLength, { causal: true });
  const perToken = layers * ((hasQkNorm(config) ? 10 : 8) * dim + inner + (heads * kept) / sequenceLength) + 2 * dim;
  const ofLoss = tokens * 1.7 * vocabSize + vocabSize * dim;
  const ofScores = kept > 0 ? 0 : batch * heads * (computed + 2 * atOnce);
  const activations = 4 * (tokens * perToken + Math.max(ofLoss, ofScores));
  return {
    parameters,
    gradients: parameters,
    moments: 2 * parameters,
    activations,
    total: 4 * parameters + activations,
  };
}

/**
 * Estimated bytes of what the backward pass reads of a convolutional encoder that trains: what each convolution multiplies (the windows of its
 * input), and its output before and behind the rectifier. 0 for encoders of other kinds, whose pictures are small beside the decoder.
 *
 * @param pictures in one batch
 */
export function encoderActivations(config: EncoderConfig, pictures: number): number {
  if (config.kind !== 'conv') return 0;
  const numbers = convLayers(config).reduce(
    (sum, { side, kernel, inputs, outputs }) => sum + side * side * (kernel * kernel * inputs + 2 * outputs),
    0,
  );
  return 4 * pictures * numbers;
}

function hasQkNorm(config: DecoderConfig): boolean {
  return config.family === 'openlm' ? config.qkNorm : config.family === 'llama' && config.qkNorm !== 'none';
}
