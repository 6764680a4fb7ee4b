import { checkBoolean, checkInteger, checkNumber } from './validate.ts';

/** What decoders of every family have. */
export interface BaseDecoderConfig {
  /** Width of the residual stream. */
  dim: number;
  layers: number;
  /** Heads of queries. */
  heads: number;
  /** Rows of the embedding and of the head; may exceed the tokenizer's size. */
  vocabSize: number;
  /** Tokens in one training row. */
  sequenceLength: number;
  /** Inner width of the feed-forward part. */
  hidden: number;
  normEpsilon: number;
  rotaryBase: number;
  /** The head shares the embedding's weights. */
  tiedHead: boolean;
}

/** What no family has a default for. */
export type DecoderSizes = Pick<BaseDecoderConfig, 'dim' | 'layers' | 'heads' | 'vocabSize' | 'sequenceLength'>;

export const baseFields: readonly string[] = [
  'family',
  'dim',
  'layers',
  'heads',
  'vocabSize',
  'sequenceLength',
  'hidden',
  'normEpsilon',
  'rotaryBase',
  'tiedHead',
];

/** @throws ModelError INVALID_CONFIG */
export function baseConfig(
  options: DecoderSizes & Partial<BaseDecoderConfig>,
  defaults: { hidden?: number; normEpsilon: number },
): BaseDecoderConfig {
  const owner = 'decoder';
  return {
    dim: checkInteger(owner, 'dim', options.dim),
    layers: checkInteger(owner, 'layers', options.layers),
    heads: checkInteger(owner, 'heads', options.heads),
    vocabSize: checkInteger(owner, 'vocabSize', options.vocabSize),
    sequenceLength: checkInteger(owner, 'sequenceLength', options.sequenceLength),
    hidden: checkInteger(owner, 'hidden', options.hidden ?? defaults.hidden),
    normEpsilon: checkNumber(owner, 'normEpsilon', options.normEpsilon ?? defaults.normEpsilon, 0),
    rotaryBase: checkNumber(owner, 'rotaryBase', options.rotaryBase ?? 10000, 0),
    tiedHead: checkBoolean(owner, 'tiedHead', options.tiedHead ?? false),
  };
}
