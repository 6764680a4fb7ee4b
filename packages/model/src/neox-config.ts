import { type BaseDecoderConfig, baseConfig, baseFields, type DecoderSizes } from './base-config.ts';
import { ModelError } from './model-error.ts';
import { type RotaryScaling, rotaryScaling } from './rotary-scaling.ts';
import { checkBoolean, checkInteger, checkKeys } from './validate.ts';

/** A decoder of the GPT-NeoX family, Pythia among them. */
export interface NeoxConfig extends BaseDecoderConfig {
  family: 'gpt-neox';
  /** Features of each head that turn with the position, the first ones (even). */
  rotaryWidth: number;
  rotaryScaling: RotaryScaling | null;
  /** Attention and feed-forward read the same input and are added together; else one after the other. */
  parallelResidual: boolean;
  attentionBias: boolean;
}

export type NeoxOptions = { family: 'gpt-neox' } & DecoderSizes & Partial<NeoxConfig>;

/** Fills in Pythia's defaults: 4 · dim inside, a quarter of each head turning, parallel residuals, biases, an untied head. */
export function neoxConfig(options: NeoxOptions): NeoxConfig {
  const owner = 'decoder';
  checkKeys(owner, options, [...baseFields, 'rotaryWidth', 'rotaryScaling', 'parallelResidual', 'attentionBias']);
  const base = baseConfig(options, { hidden: 4 * options.dim, normEpsilon: 1e-5 });
  if (base.dim % base.heads !== 0) {
    throw new ModelError('INVALID_CONFIG', `decoder.heads: expected a divisor of dim ${base.dim}, got ${base.heads}.`);
  }
  const headWidth = base.dim / base.heads;
  const rotaryWidth = checkInteger(owner, 'rotaryWidth', options.rotaryWidth ?? Math.floor(headWidth / 4));
  if (rotaryWidth % 2 !== 0 || rotaryWidth > headWidth) {
    throw new ModelError(
      'INVALID_CONFIG',
      `decoder.rotaryWidth: expected an even number of at most ${headWidth} (a head's width), got ${rotaryWidth}.`,
    );
  }
  return {
    family: 'gpt-neox',
    ...base,
    rotaryWidth,
    rotaryScaling: options.rotaryScaling ? rotaryScaling(options.rotaryScaling) : null,
    parallelResidual: checkBoolean(owner, 'parallelResidual', options.parallelResidual ?? true),
    attentionBias: checkBoolean(owner, 'attentionBias', options.attentionBias ?? true),
  };
}
