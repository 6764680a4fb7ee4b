import { ModelError } from './model-error.ts';
import { checkBoolean, checkInteger, checkKeys, checkNumber, checkOneOf, show } from './validate.ts';

/** An OpenLM decoder, completely. */
export interface DecoderConfig {
  /** Width of the residual stream. */
  dim: number;
  layers: number;
  /** Attention heads; each is dim / heads wide (an even number, for rotary positions). */
  heads: number;
  /** Rows of the embedding and of the head; may exceed the tokenizer's size. */
  vocabSize: number;
  /** Tokens in one training row. */
  sequenceLength: number;
  /** Inner width of SwiGLU. */
  hidden: number;
  /** Normalise queries and keys over the whole width, before the heads are split. */
  qkNorm: boolean;
  /** `layer-gain`: LayerNorm with a gain and no bias (OpenLM as trained by DCLM); `rms`: RMSNorm. */
  norm: 'layer-gain' | 'rms';
  normEpsilon: number;
  rotaryBase: number;
  /** The head shares the embedding's weights. OpenLM: false. */
  tiedHead: boolean;
}

export type DecoderOptions = Pick<DecoderConfig, 'dim' | 'layers' | 'heads' | 'vocabSize' | 'sequenceLength'> &
  Partial<DecoderConfig>;

const fields: readonly (keyof DecoderConfig)[] = [
  'dim',
  'layers',
  'heads',
  'vocabSize',
  'sequenceLength',
  'hidden',
  'qkNorm',
  'norm',
  'normEpsilon',
  'rotaryBase',
  'tiedHead',
];

/** OpenLM's inner width: two thirds of 4·dim, rounded up to a multiple of 256 (open_lm/model.py). */
export function swigluHidden(dim: number): number {
  return 256 * Math.ceil(Math.floor((8 * dim) / 3) / 256);
}

/**
 * Fills in OpenLM's defaults and checks every field.
 * @throws ModelError INVALID_CONFIG on an unknown, missing or impossible field
 * @example decoderConfig({ dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 })
 */
export function decoderConfig(options: DecoderOptions): DecoderConfig {
  const owner = 'decoder';
  checkKeys(owner, options, fields);
  const dim = checkInteger(owner, 'dim', options.dim);
  const heads = checkInteger(owner, 'heads', options.heads);
  if (dim % heads !== 0 || (dim / heads) % 2 !== 0) {
    throw new ModelError(
      'INVALID_CONFIG',
      `decoder.heads: expected dim / heads to be an even integer, got ${dim} / ${heads} = ${show(dim / heads)}; choose heads that divide dim / 2.`,
    );
  }
  return {
    dim,
    layers: checkInteger(owner, 'layers', options.layers),
    heads,
    vocabSize: checkInteger(owner, 'vocabSize', options.vocabSize),
    sequenceLength: checkInteger(owner, 'sequenceLength', options.sequenceLength),
    hidden: checkInteger(owner, 'hidden', options.hidden ?? swigluHidden(dim)),
    qkNorm: checkBoolean(owner, 'qkNorm', options.qkNorm ?? true),
    norm: checkOneOf(owner, 'norm', options.norm ?? 'layer-gain', ['layer-gain', 'rms']),
    normEpsilon: checkNumber(owner, 'normEpsilon', options.normEpsilon ?? 1e-5, 0),
    rotaryBase: checkNumber(owner, 'rotaryBase', options.rotaryBase ?? 10000, 0),
    tiedHead: checkBoolean(owner, 'tiedHead', options.tiedHead ?? false),
  };
}

/** The sizes of the paper and of DCLM (open_lm/model_configs and dclm/training/configs): [dim, layers, heads]. */
const sizes = {
  '11m': [96, 8, 4],
  '79m': [512, 8, 4],
  '154m': [576, 24, 8],
  '160m': [768, 12, 12],
  '411m': [1024, 24, 8],
  '830m': [1536, 24, 16],
  '1b': [2048, 24, 16],
  '3b': [2560, 32, 32],
  '7b': [4096, 32, 32],
} as const;

export type DecoderSize = keyof typeof sizes;
export const decoderSizes: readonly DecoderSize[] = Object.keys(sizes) as DecoderSize[];

/**
 * A named OpenLM size with vocabulary 50,432, 2,048 positions and qk-norm, as DCLM trains them.
 * @example decoderSize('79m'); decoderSize('79m', { sequenceLength: 1024, vocabSize: 66816 })
 */
export function decoderSize(name: DecoderSize, overrides: Partial<DecoderConfig> = {}): DecoderConfig {
  const [dim, layers, heads] = sizes[checkOneOf('decoder', 'size', name, decoderSizes)];
  return decoderConfig({ dim, layers, heads, vocabSize: 50432, sequenceLength: 2048, ...overrides });
}
