/** Decoders of every family behind the same five functions. Legend: B rows, T positions, D dim, V vocabulary. */
import type * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { embedding, linear } from '@vlm/jit/nn';
import { type Attend, causalAttend } from './attend.ts';
import type { DecoderConfig } from './decoder-config.ts';
import { llamaHidden, llamaParams } from './llama.ts';
import { neoxHidden, neoxParams } from './neox.ts';
import { openLmHidden, openLmParams } from './openlm.ts';
import { need, type ParameterSpecs } from './parameters.ts';

/** Names, shapes and starts of all parameters: OpenLM's own names, Hugging Face's for the other families. */
export function decoderParams(config: DecoderConfig): ParameterSpecs {
  switch (config.family) {
    case 'openlm':
      return openLmParams(config);
    case 'llama':
      return llamaParams(config);
    case 'gpt-neox':
      return neoxParams(config);
  }
}

const tableNames = {
  openlm: { embedding: 'tok_embeddings.weight', head: 'output.weight' },
  llama: { embedding: 'model.embed_tokens.weight', head: 'lm_head.weight' },
  'gpt-neox': { embedding: 'gpt_neox.embed_in.weight', head: 'embed_out.weight' },
} as const;

/** Names of the table of token embeddings and of the matrix that turns hidden states into logits; one name where they are tied. */
export function decoderTables({ family, tiedHead }: DecoderConfig): { embedding: string; head: string } {
  const { embedding, head } = tableNames[family];
  return { embedding, head: tiedHead ? embedding : head };
}

/** @returns token embeddings, float32 [B, T, D] */
export function embedTokens(config: DecoderConfig, params: NamedTensors, tokens_BT: tf.Tensor): tf.Tensor {
  return embedding(need(params, decoderTables(config).embedding), tokens_BT);
}

/** @returns the matrix that turns hidden states into logits, float32 [V, D] */
export function headWeight(config: DecoderConfig, params: NamedTensors): tf.Tensor {
  return need(params, decoderTables(config).head);
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
  switch (config.family) {
    case 'openlm':
      return openLmHidden(config, params, x_BTD, attend);
    case 'llama':
      return llamaHidden(config, params, x_BTD, attend);
    case 'gpt-neox':
      return neoxHidden(config, params, x_BTD, attend);
  }
}

/**
 * Next-token logits of a text batch.
 * @param tokens_BT int32 ids
 * @returns float32 [B, T, V]
 */
export function decoderLogits(config: DecoderConfig, params: NamedTensors, tokens_BT: tf.Tensor): tf.Tensor {
  return linear(decoderHidden(config, params, embedTokens(config, params, tokens_BT)), headWeight(config, params));
}
