/** The graph that scores given continuations. Legend: B rows, T positions, N = B·T, M scored positions, D dim, V vocabulary. */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Signature } from '@vlm/jit';
import { embedding, linear } from '@vlm/jit/nn';
import { type PrefillShape, promptSignature } from './cached-decoding.ts';
import { decoderHidden, headWeight } from './decoder.ts';
import { need } from './parameters.ts';
import { inputEmbeddings, type VlmConfig } from './vlm.ts';

/** Logits exist for this many positions at once. */
const chunkRows = 1024;

/** `scored` is a power of two or B·T: positions to score, padded. */
export function scoringSignature(config: VlmConfig, shape: PrefillShape, scored: number): Signature {
  return {
    ...promptSignature(config, shape),
    rows_M: { shape: [scored], dtype: 'int32' }, // row · T + position whose successor is scored
    targets_M: { shape: [scored], dtype: 'int32' },
  };
}

/** @returns `logProb_M`, ln p of each target given what stands before it: no logits leave the graph */
export function scoreTargets(config: VlmConfig, params: NamedTensors, inputs: NamedTensors): NamedTensors {
  const x_BTD = inputEmbeddings(config, params, need(inputs, 'tokens_BT'), inputs['slots_BT'], inputs['patches_NF']);
  const hidden_ND = tf.reshape(decoderHidden(config.decoder, params, x_BTD), [-1, config.decoder.dim]);
  const head_VD = headWeight(config.decoder, params);
  const rows_M = need(inputs, 'rows_M');
  const scored = rows_M.shape[0]!;
  const sizes = Array.from({ length: Math.ceil(scored / chunkRows) }, (_, i) =>
    Math.min(chunkRows, scored - i * chunkRows),
  );
  const rowChunks = tf.split(rows_M, sizes) as tf.Tensor1D[];
  const targetChunks = tf.split(need(inputs, 'targets_M'), sizes) as tf.Tensor1D[];
  const chunks = rowChunks.map((rows, i) => {
    const h_MD = tf.gather(hidden_ND, rows);
    const target_M = tf.sum(tf.mul(h_MD, embedding(head_VD, targetChunks[i]!)), -1);
    return tf.sub(target_M, tf.logSumExp(linear(h_MD, head_VD), -1));
  });
  return { logProb_M: chunks.length === 1 ? chunks[0]! : tf.concat(chunks, 0) };
}
