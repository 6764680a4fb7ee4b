import { type BaseDecoderConfig, baseConfig, baseFields, type DecoderSizes } from './base-config.ts';
import { ModelError } from './model-error.ts';
import { checkBoolean, checkKeys, checkOneOf, show } from './validate.ts';

/** An OpenLM decoder, completely. */
export interface OpenLmConfig extends BaseDecoderConfig {
  family: 'openlm';
  /** Normalise queries and keys over the whole width, before the heads are split. */
  qkNorm: boolean;
  /** `layer-gain`: LayerNorm with a gain and no bias (OpenLM as trained by DCLM); `rms`: RMSNorm. */
  norm: 'layer-gain' | 'rms';
}

export type OpenLmOptions = DecoderSizes & Partial<OpenLmConfig>;

/** OpenLM's inner width: two thirds of 4·dim, rounded up to a multiple of 256 (open_lm/model.py). */
export function swigluHidden(dim: number): number {
  return 256 * Math.ceil(Math.floor((8 * dim) / 3) / 256);
}

/** Fills in OpenLM's defaults: SwiGLU's own width rule, qk-norm, gain-only LayerNorm with ε 1e-5, an untied head. */
export function openLmConfig(options: OpenLmOptions): OpenLmConfig {
  const owner = 'decoder';
  checkKeys(owner, options, [...baseFields, 'qkNorm', 'norm']);
  const base = baseConfig(options, { hidden: swigluHidden(options.dim), normEpsilon: 1e-5 });
  const headWidth = base.dim / base.heads;
  if (headWidth % 2 !== 0) {
    throw new ModelError(
      'INVALID_CONFIG',
      `decoder.heads: expected dim / heads to be an even integer, got ${base.dim} / ${base.heads} = ${show(headWidth)}; choose heads that divide dim / 2.`,
    );
  }
  return {
    family: 'openlm',
    ...base,
    qkNorm: checkBoolean(owner, 'qkNorm', options.qkNorm ?? true),
    norm: checkOneOf(owner, 'norm', options.norm ?? 'layer-gain', ['layer-gain', 'rms']),
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
export function decoderSize(name: DecoderSize, overrides: Partial<OpenLmConfig> = {}): OpenLmConfig {
  const [dim, layers, heads] = sizes[checkOneOf('decoder', 'size', name, decoderSizes)];
  return openLmConfig({ dim, layers, heads, vocabSize: 50432, sequenceLength: 2048, ...overrides });
}
