import { type BaseDecoderConfig, baseConfig, baseFields, type DecoderSizes } from './base-config.ts';
import { ModelError } from './model-error.ts';
import { type RotaryScaling, rotaryScaling } from './rotary-scaling.ts';
import { checkBoolean, checkInteger, checkKeys, checkOneOf } from './validate.ts';

/** A decoder of the Llama family: Llama 1 to 3, Mistral, Qwen 2 and 3, OLMo 2 and whatever shares their block. */
export interface LlamaConfig extends BaseDecoderConfig {
  family: 'llama';
  /** Heads of keys and values, each shared by heads / keyHeads heads of queries. */
  keyHeads: number;
  /** Width of one head (even). */
  headWidth: number;
  rotaryScaling: RotaryScaling | null;
  /** Normalise queries and keys: over each head (Qwen 3), over all heads together (OLMo 2), or not. */
  qkNorm: 'none' | 'head' | 'width';
  /** The norms of a block stand before attention and feed-forward, or behind them (OLMo 2). */
  norms: 'before' | 'after';
  queryKeyValueBias: boolean;
  attentionOutputBias: boolean;
  feedForwardBias: boolean;
}

export type LlamaOptions = { family: 'llama' } & DecoderSizes & Pick<LlamaConfig, 'hidden'> & Partial<LlamaConfig>;

/** Fills in Llama's defaults: as many heads of keys as of queries, RMSNorm with ε 1e-5, no biases, an untied head. */
export function llamaConfig(options: LlamaOptions): LlamaConfig {
  const owner = 'decoder';
  checkKeys(owner, options, [
    ...baseFields,
    'keyHeads',
    'headWidth',
    'rotaryScaling',
    'qkNorm',
    'norms',
    'queryKeyValueBias',
    'attentionOutputBias',
    'feedForwardBias',
  ]);
  const base = baseConfig(options, { normEpsilon: 1e-5 });
  const keyHeads = checkInteger(owner, 'keyHeads', options.keyHeads ?? base.heads);
  if (base.heads % keyHeads !== 0) {
    throw new ModelError(
      'INVALID_CONFIG',
      `decoder.keyHeads: expected a divisor of the ${base.heads} heads, got ${keyHeads}.`,
    );
  }
  const headWidth = checkInteger(owner, 'headWidth', options.headWidth ?? base.dim / base.heads);
  if (headWidth % 2 !== 0) {
    throw new ModelError('INVALID_CONFIG', `decoder.headWidth: expected an even number, got ${headWidth}.`);
  }
  return {
    family: 'llama',
    ...base,
    keyHeads,
    headWidth,
    rotaryScaling: options.rotaryScaling ? rotaryScaling(options.rotaryScaling) : null,
    qkNorm: checkOneOf(owner, 'qkNorm', options.qkNorm ?? 'none', ['none', 'head', 'width']),
    norms: checkOneOf(owner, 'norms', options.norms ?? 'before', ['before', 'after']),
    queryKeyValueBias: checkBoolean(owner, 'queryKeyValueBias', options.queryKeyValueBias ?? false),
    attentionOutputBias: checkBoolean(owner, 'attentionOutputBias', options.attentionOutputBias ?? false),
    feedForwardBias: checkBoolean(owner, 'feedForwardBias', options.feedForwardBias ?? false),
  };
}
