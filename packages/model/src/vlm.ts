/**
 * Decoder and projector together: patches take the place of the tokens that stand for them, and the loss is next-token
 * cross-entropy. Legend: B rows, T positions, D dim, V vocabulary, N patches in the batch, F feature width.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Signature, TrainStepDefinition } from '@vlm/jit';
import { crossEntropy, embedding } from '@vlm/jit/nn';
import { causalAttend, withinItemAttend } from './attend.ts';
import { decoderHidden, decoderParams, embedTokens, headWeight } from './decoder.ts';
import { type DecoderConfig, type DecoderOptions, decoderConfig } from './decoder-config.ts';
import { encodeImages, encoderParams } from './encoder.ts';
import { type EncoderConfig, type EncoderOptions, encoderConfig, encoderShape } from './encoder-config.ts';
import { ModelError } from './model-error.ts';
import { need, type ParameterSpecs } from './parameters.ts';
import { type ProjectorConfig, project, projectorConfig, projectorParams } from './projector.ts';
import { checkKeys, checkNumber, checkOneOf } from './validate.ts';

export interface VlmConfig {
  decoder: DecoderConfig;
  /** Absent: a model of text alone. */
  projector?: ProjectorConfig;
  /** An encoder that is part of the model, to be trained with it or frozen. Absent: features come ready in `patches_NF`. */
  encoder?: EncoderConfig;
  /** Coefficient of the mean squared log-partition; 0 for none. DCLM: 1e-4. */
  zLoss: number;
  /** That mean goes over positions that carry loss (`weighted`) or over all of them, as in OpenLM (`all`). */
  zLossOver: 'weighted' | 'all';
}

export interface VlmOptions {
  decoder: DecoderOptions;
  /** `featureWidth` is the encoder's where the model has one. */
  projector?: Pick<ProjectorConfig, 'kind'> & Partial<ProjectorConfig>;
  encoder?: EncoderOptions;
  zLoss?: number;
  zLossOver?: 'weighted' | 'all';
}

/**
 * Fills in defaults and checks every field; the projector's `dim` is the decoder's, its `featureWidth` the encoder's.
 * @throws ModelError INVALID_CONFIG
 */
export function vlmConfig(options: VlmOptions): VlmConfig {
  checkKeys('vlm', options, ['decoder', 'projector', 'encoder', 'zLoss', 'zLossOver']);
  const decoder = decoderConfig(options.decoder);
  const encoder = options.encoder ? encoderOf(options) : undefined;
  const base = {
    decoder,
    ...(encoder ? { encoder } : {}),
    zLoss: checkNumber('vlm', 'zLoss', options.zLoss ?? 0, 0, false),
    zLossOver: checkOneOf('vlm', 'zLossOver', options.zLossOver ?? 'weighted', ['weighted', 'all']),
  };
  if (!options.projector) return base;
  const width = encoder && encoderShape(encoder).width;
  const projector = projectorConfig({
    dim: decoder.dim,
    featureWidth: width as number, // checked by projectorConfig
    ...options.projector,
  });
  if (projector.dim !== decoder.dim) {
    throw new ModelError(
      'INVALID_CONFIG',
      `projector.dim: expected the decoder's dim ${decoder.dim}, got ${projector.dim}; leave it out.`,
    );
  }
  if (width !== undefined && projector.featureWidth !== width) {
    throw new ModelError(
      'INVALID_CONFIG',
      `projector.featureWidth: expected the encoder's width ${width}, got ${projector.featureWidth}; leave it out.`,
    );
  }
  return { ...base, projector };
}

function encoderOf(options: VlmOptions): EncoderConfig {
  const encoder = encoderConfig(options.encoder!);
  if (!options.projector) {
    throw new ModelError('INVALID_CONFIG', 'vlm.encoder: expected a projector that reads its features; give one.');
  }
  if (encoder.kind === 'conv' && encoder.norm === 'batch') {
    throw new ModelError(
      'INVALID_CONFIG',
      'vlm.encoder.norm: expected "group" or "none", got "batch", with which features depend on the other pictures of a batch; fold a trained encoder first (foldEncoder).',
    );
  }
  return encoder;
}

/** All parameters: the decoder's own names, prismatic's (`projector.…`) for the projector, `encoder.…`. */
export function vlmParams(config: VlmConfig): ParameterSpecs {
  return {
    ...decoderParams(config.decoder),
    ...(config.projector ? projectorParams(config.projector) : {}),
    ...(config.encoder ? encoderParams(config.encoder) : {}),
  };
}

/**
 * The signature of one batch variant.
 * @param patches rows N of `patches_NF`; 0 for a variant of text alone, which has neither `slots_BT` nor `patches_NF`
 * @param images pictures M of `images_MSS3` in place of patches, for a model with an encoder: their features are the N = M · cells rows
 * @param items whether `items_BT` says which item of its row a position belongs to: attention then stays within items
 */
export function vlmBatch(
  config: VlmConfig,
  shape: { batch: number; length?: number; patches: number; images?: number; items?: boolean },
): Signature {
  const { batch, length = config.decoder.sequenceLength, patches, images = 0, items = false } = shape;
  const text: Signature = {
    ...(items ? { items_BT: { shape: [batch, length], dtype: 'int32' } } : {}),
    tokens_BT: { shape: [batch, length], dtype: 'int32' },
    targets_BT: { shape: [batch, length], dtype: 'int32' },
    weights_BT: { shape: [batch, length], dtype: 'float32' },
  };
  if (patches === 0 && images === 0) return text;
  const slots_BT = { shape: [batch, length], dtype: 'int32' } as const;
  if (images > 0) {
    if (patches > 0) {
      throw new ModelError('INVALID_INPUT', `vlmBatch: expected patches or images, got ${patches} and ${images}.`);
    }
    const side = needEncoder(config).imageSize;
    return { ...text, slots_BT, images_MSS3: { shape: [images, side, side, 3], dtype: 'float32' } };
  }
  return {
    ...text,
    slots_BT,
    patches_NF: { shape: [patches, needProjector(config).featureWidth], dtype: 'float32' },
  };
}

/**
 * What the decoder reads: at each position the token's embedding, or the projected patch that its slot names.
 *
 * The patches form a small table with a row of zeros in front, so that slot 0 (text) picks nothing; both look-ups have scatter
 * gradients. Tokens under a patch are ignored and receive no gradient.
 *
 * @param tokens_BT int32 ids
 * @param slots_BT int32: 0 for text, n + 1 for row n of the patches
 * @param patches_NF float32 image features
 * @returns float32 [B, T, D]
 * @throws ModelError INVALID_INPUT for slots without patches or patches without slots
 */
export function inputEmbeddings(
  config: VlmConfig,
  params: NamedTensors,
  tokens_BT: tf.Tensor,
  slots_BT?: tf.Tensor,
  patches_NF?: tf.Tensor,
): tf.Tensor {
  const text_BTD = embedTokens(config.decoder, params, tokens_BT);
  if (!slots_BT && !patches_NF) return text_BTD;
  if (!slots_BT || !patches_NF) {
    const [given, missing] = slots_BT ? ['slots_BT', 'patches_NF or images_MSS3'] : ['patches', 'slots_BT'];
    throw new ModelError(
      'INVALID_INPUT',
      `Embeddings: expected ${missing} beside ${given}, got none: the batch would be trained as text alone; send both, or neither for text.`,
    );
  }
  const projected_ND = project(needProjector(config), params, patches_NF);
  const table_MD = tf.concat([tf.zeros([1, config.decoder.dim]), projected_ND], 0);
  const isText_BT1 = tf.expandDims(tf.cast(tf.equal(slots_BT, tf.scalar(0, 'int32')), 'float32'), -1);
  return tf.add(tf.mul(text_BTD, isText_BT1), embedding(table_MD, slots_BT));
}

/**
 * The training loss, ready for `TrainStepDefinition.loss`: cross-entropy over the weighted positions plus `zLoss` times the mean
 * squared log-partition. A batch without `slots_BT` and `patches_NF` is text alone: the projector then has a gradient of zero, and
 * AdamW treats it like any zero gradient (moments fade, weight decay applies). To leave the projector untouched through a phase of
 * text alone, name its parameters in `TrainStepDefinition.frozen`.
 *
 * @returns a function of params and `{ tokens_BT, targets_BT, weights_BT, slots_BT?, patches_NF? or images_MSS3?, items_BT? }`; its metrics are `crossEntropy`
 * and `zLoss` (with its coefficient), whose sum is the loss
 * @example
 * const config = vlmConfig({ decoder: { dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 } });
 * await engine.compileTrainStep({ params: vlmParams(config), variants: { text: vlmBatch(config, { batch: 16, patches: 0 }) },
 *   loss: vlmLoss(config), optimizer });
 */
export function vlmLoss(config: VlmConfig): TrainStepDefinition['loss'] {
  return (params, batch) => {
    if (batch['images_MSS3'] && batch['patches_NF']) {
      throw new ModelError('INVALID_INPUT', 'vlmLoss: expected patches_NF or images_MSS3, got both.');
    }
    const patches_NF = batch['images_MSS3'] ? imageFeatures(config, params, batch['images_MSS3']) : batch['patches_NF'];
    const x_BTD = inputEmbeddings(config, params, need(batch, 'tokens_BT'), batch['slots_BT'], patches_NF);
    const items_BT = batch['items_BT'];
    const attend = items_BT ? withinItemAttend(config.decoder, items_BT) : causalAttend(config.decoder);
    const hidden_BTD = decoderHidden(config.decoder, params, x_BTD, attend);
    const { loss, ...metrics } = crossEntropy(
      tf.reshape(hidden_BTD, [-1, config.decoder.dim]),
      headWeight(config.decoder, params),
      tf.reshape(need(batch, 'targets_BT'), [-1]),
      tf.reshape(need(batch, 'weights_BT'), [-1]),
      { zLoss: config.zLoss, zLossOver: config.zLossOver },
    );
    return { loss, metrics };
  };
}

/** The features of all pictures in order, float32 [M · P, F]. */
function imageFeatures(config: VlmConfig, params: NamedTensors, images_MSS3: tf.Tensor): tf.Tensor {
  const encoder = needEncoder(config);
  return tf.reshape(encodeImages(encoder, params, images_MSS3), [-1, encoderShape(encoder).width]);
}

function needEncoder(config: VlmConfig): EncoderConfig {
  if (config.encoder) return config.encoder;
  throw new ModelError(
    'INVALID_CONFIG',
    'The batch has images_MSS3 but the model has no encoder: give vlmConfig an `encoder`, or send features as patches_NF.',
  );
}

export function needProjector(config: VlmConfig): ProjectorConfig {
  if (!config.projector) {
    throw new ModelError(
      'INVALID_CONFIG',
      'The batch has patches_NF but the model has no projector: give vlmConfig a `projector`, or send a batch without slots_BT and patches_NF.',
    );
  }
  return config.projector;
}
