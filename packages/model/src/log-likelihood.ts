/**
 * The two graphs that score given continuations: `hiddenStates` reads whole requests, `scoreTargets` turns the positions that are asked for into
 * log-likelihoods, a chunk at a time. One graph of both would have to be compiled again for every number of scored positions, and every compiled
 * graph keeps its own memory. Legend: B rows, T positions, N = B·T, M positions of a chunk, D dim, V vocabulary.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays, NamedTensors, Signature } from '@vlm/jit';
import { embedding, linear } from '@vlm/jit/nn';
import { decoderHidden, headWeight } from './decoder.ts';
import { need } from './parameters.ts';
import { inputEmbeddings, type VlmConfig } from './vlm.ts';

/** A position whose successor is scored: its row in `hidden_ND`, and the token that follows it. */
export interface ScoredPosition {
  row: number;
  target: number;
}

/** Positions of one chunk: most logits that exist at once, and for few positions less padding. */
const chunkSizes = [64, 1024];

/** @returns the final hidden states of every position, `hidden_ND` */
export function hiddenStates(config: VlmConfig, params: NamedTensors, inputs: NamedTensors): NamedTensors {
  const x_BTD = inputEmbeddings(config, params, need(inputs, 'tokens_BT'), inputs['slots_BT'], inputs['patches_NF']);
  return { hidden_ND: tf.reshape(decoderHidden(config.decoder, params, x_BTD), [-1, config.decoder.dim]) };
}

export function scoringSignature({ decoder }: VlmConfig, positions: number): Signature {
  return {
    hidden_MD: { shape: [positions, decoder.dim], dtype: 'float32' },
    targets_M: { shape: [positions], dtype: 'int32' },
  };
}

/** @returns `logProb_M`, ln p of each target given the state before it: no logits leave the graph */
export function scoreTargets(config: VlmConfig, params: NamedTensors, inputs: NamedTensors): NamedTensors {
  const head_VD = headWeight(config.decoder, params);
  const hidden_MD = need(inputs, 'hidden_MD');
  const target_M = tf.sum(tf.mul(hidden_MD, embedding(head_VD, need(inputs, 'targets_M'))), -1);
  return { logProb_M: tf.sub(target_M, tf.logSumExp(linear(hidden_MD, head_VD), -1)) };
}

/** Positions in chunks, the last one padded; `size` is what `scoringSignature` is to be made with. */
export function* scoringChunks(
  positions: readonly ScoredPosition[],
  hidden_ND: Float32Array,
  dim: number,
): Generator<{ size: number; count: number; inputs: NamedArrays }> {
  for (let start = 0; start < positions.length; ) {
    const left = positions.length - start;
    const size = chunkSizes.find((n) => n >= left) ?? chunkSizes.at(-1)!;
    const chunk = positions.slice(start, start + size);
    const hidden_MD = new Float32Array(size * dim);
    const targets_M = new Int32Array(size);
    chunk.forEach(({ row, target }, i) => {
      hidden_MD.set(hidden_ND.subarray(row * dim, (row + 1) * dim), i * dim);
      targets_M[i] = target;
    });
    yield { size, count: chunk.length, inputs: { hidden_MD, targets_M } };
    start += size;
  }
}
