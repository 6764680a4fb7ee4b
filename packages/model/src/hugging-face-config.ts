/** Hugging Face's `config.json` ↔ a decoder's configuration. */
import { type DecoderConfig, decoderConfig } from './decoder-config.ts';
import type { LlamaConfig } from './llama-config.ts';
import { ModelError } from './model-error.ts';
import type { RotaryScaling } from './rotary-scaling.ts';
import { show } from './validate.ts';

type Json = Record<string, unknown>;

/** What the members of the Llama family differ in beside their numbers. */
const llamaTypes: Record<string, Partial<LlamaConfig>> = {
  llama: {},
  mistral: {},
  qwen2: { queryKeyValueBias: true },
  qwen3: { qkNorm: 'head' },
  olmo2: { qkNorm: 'width', norms: 'after' },
};

/** The `model_type`s that can be read. */
export const huggingFaceModelTypes: readonly string[] = [...Object.keys(llamaTypes), 'gpt_neox'];

/**
 * Reads what `transformers` writes (versions 4 and 5).
 * @param json the parsed `config.json`
 * @param overrides what to change: a shorter `sequenceLength` for training, say
 * @throws ModelError INVALID_CONFIG for a model of another kind or a setting that is not implemented (sliding windows, other activations,
 * other stretchings of positions): nothing that changes the numbers is passed over. Dropout, which acts in training alone, is not applied.
 */
export function huggingFaceDecoder(json: unknown, overrides: { sequenceLength?: number } = {}): DecoderConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw unsupported('expected an object', json);
  }
  const config = json as Json;
  const type = oneOf(config, 'model_type', huggingFaceModelTypes);
  const dim = integer(config, 'hidden_size');
  const heads = integer(config, 'num_attention_heads');
  const shared = {
    dim,
    layers: integer(config, 'num_hidden_layers'),
    heads,
    hidden: integer(config, 'intermediate_size'),
    vocabSize: integer(config, 'vocab_size'),
    sequenceLength: overrides.sequenceLength ?? integer(config, 'max_position_embeddings'),
    tiedHead: boolean(config, 'tie_word_embeddings', false),
    rotaryScaling: scalingOf(config),
  };
  if (type === 'gpt_neox') {
    mustBe(config, 'hidden_act', 'gelu');
    return decoderConfig({
      ...shared,
      family: 'gpt-neox',
      normEpsilon: number(config, 'layer_norm_eps', 1e-5),
      rotaryBase: rotaryBase(config, 'rotary_emb_base'),
      rotaryWidth: Math.floor((dim / heads) * rotaryShare(config, 0.25)),
      parallelResidual: boolean(config, 'use_parallel_residual', true),
      attentionBias: boolean(config, 'attention_bias', true),
    });
  }
  mustBe(config, 'hidden_act', 'silu');
  if (config['use_sliding_window'] !== false) mustBe(config, 'sliding_window', null);
  if (rotaryShare(config, 1) !== 1) throw unsupported('expected partial_rotary_factor 1', rotaryShare(config, 1));
  const bias = boolean(config, 'attention_bias', false);
  return decoderConfig({
    ...shared,
    family: 'llama',
    keyHeads: integer(config, 'num_key_value_heads', heads),
    ...(config['head_dim'] == null ? {} : { headWidth: integer(config, 'head_dim') }),
    normEpsilon: number(config, 'rms_norm_eps', 1e-6),
    rotaryBase: rotaryBase(config, 'rope_theta'),
    queryKeyValueBias: bias,
    attentionOutputBias: bias,
    feedForwardBias: boolean(config, 'mlp_bias', false),
    ...llamaTypes[type],
  });
}

/**
 * The `config.json` of a decoder that did not come from Hugging Face, as version 4 of `transformers` wrote it (version 5 reads it too).
 * @throws ModelError INVALID_CONFIG for OpenLM's own decoder and for mixtures of features that no model type has
 */
export function huggingFaceConfig(decoder: DecoderConfig): Json {
  if (decoder.family === 'openlm') {
    throw unsupported(
      'expected a decoder of the llama or gpt-neox family, for which transformers has a class',
      'openlm',
    );
  }
  const shared = {
    bos_token_id: 0,
    eos_token_id: 0,
    hidden_size: decoder.dim,
    initializer_range: 0.02,
    intermediate_size: decoder.hidden,
    max_position_embeddings: decoder.sequenceLength,
    num_attention_heads: decoder.heads,
    num_hidden_layers: decoder.layers,
    rope_scaling: scalingJson(decoder.rotaryScaling),
    tie_word_embeddings: decoder.tiedHead,
    torch_dtype: 'float32',
    vocab_size: decoder.vocabSize,
  };
  const json: Json =
    decoder.family === 'gpt-neox'
      ? {
          ...shared,
          architectures: ['GPTNeoXForCausalLM'],
          attention_bias: decoder.attentionBias,
          hidden_act: 'gelu',
          layer_norm_eps: decoder.normEpsilon,
          model_type: 'gpt_neox',
          rotary_emb_base: decoder.rotaryBase,
          rotary_pct: (decoder.rotaryWidth * decoder.heads) / decoder.dim,
          use_parallel_residual: decoder.parallelResidual,
        }
      : { ...shared, ...llamaJson(decoder) };
  const readBack = huggingFaceDecoder(json);
  if (JSON.stringify(readBack) !== JSON.stringify(decoder)) {
    throw unsupported(
      `expected features that one of ${huggingFaceModelTypes.join(', ')} has together`,
      differences(decoder, readBack),
    );
  }
  return json;
}

function llamaJson(decoder: LlamaConfig): Json {
  const classes: [type: string, name: string][] = [
    ['llama', 'Llama'],
    ['qwen2', 'Qwen2'],
    ['qwen3', 'Qwen3'],
    ['olmo2', 'Olmo2'],
  ];
  const candidates = classes.filter(([type]) => {
    const { qkNorm = 'none', norms = 'before', queryKeyValueBias } = llamaTypes[type]!;
    const bias = queryKeyValueBias ?? decoder.attentionOutputBias;
    return qkNorm === decoder.qkNorm && norms === decoder.norms && bias === decoder.queryKeyValueBias;
  });
  const [type, name] = candidates[0] ?? classes[0]!;
  return {
    architectures: [`${name}ForCausalLM`],
    attention_bias: decoder.attentionOutputBias,
    attention_dropout: 0,
    head_dim: decoder.headWidth,
    hidden_act: 'silu',
    mlp_bias: decoder.feedForwardBias,
    model_type: type,
    num_key_value_heads: decoder.keyHeads,
    rms_norm_eps: decoder.normEpsilon,
    rope_theta: decoder.rotaryBase,
  };
}

function differences(wanted: DecoderConfig, got: DecoderConfig): string {
  const other = got as unknown as Json;
  return Object.entries(wanted)
    .filter(([key, value]) => show(value) !== show(other[key]))
    .map(([key, value]) => `${key} ${show(value)}`)
    .join(', ');
}

/** Version 4: `rope_scaling` and a base beside it; version 5: everything in `rope_parameters`. */
function ropeOf(config: Json): Json {
  const rope = config['rope_parameters'] ?? config['rope_scaling'] ?? {};
  if (typeof rope !== 'object' || Array.isArray(rope)) throw unsupported('rope_parameters: expected an object', rope);
  return rope as Json;
}

function rotaryBase(config: Json, field: string): number {
  const rope = ropeOf(config);
  return 'rope_theta' in rope ? number(rope, 'rope_theta') : number(config, field, 10000);
}

function rotaryShare(config: Json, otherwise: number): number {
  const rope = ropeOf(config);
  if ('partial_rotary_factor' in rope) return number(rope, 'partial_rotary_factor');
  return number(config, 'partial_rotary_factor', number(config, 'rotary_pct', otherwise));
}

function scalingOf(config: Json): RotaryScaling | null {
  const rope = ropeOf(config);
  const kind = rope['rope_type'] ?? rope['type'] ?? 'default';
  if (kind === 'default') return null;
  if (kind === 'linear') return { kind, factor: number(rope, 'factor') };
  if (kind !== 'llama3') {
    throw unsupported('rope_type: expected one of "default", "linear", "llama3"', kind);
  }
  return {
    kind,
    factor: number(rope, 'factor'),
    lowFrequencyFactor: number(rope, 'low_freq_factor'),
    highFrequencyFactor: number(rope, 'high_freq_factor'),
    originalLength: integer(rope, 'original_max_position_embeddings'),
  };
}

function scalingJson(scaling: RotaryScaling | null): Json | null {
  if (!scaling) return null;
  if (scaling.kind === 'linear') return { factor: scaling.factor, rope_type: 'linear' };
  return {
    factor: scaling.factor,
    high_freq_factor: scaling.highFrequencyFactor,
    low_freq_factor: scaling.lowFrequencyFactor,
    original_max_position_embeddings: scaling.originalLength,
    rope_type: 'llama3',
  };
}

function integer(config: Json, field: string, otherwise?: number): number {
  const value = config[field] ?? otherwise;
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw unsupported(`${field}: expected an integer ≥ 1`, value);
  return value as number;
}

function number(config: Json, field: string, otherwise?: number): number {
  const value = config[field] ?? otherwise;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw unsupported(`${field}: expected a number`, value);
  return value;
}

function boolean(config: Json, field: string, otherwise?: boolean): boolean {
  const value = config[field] ?? otherwise;
  if (typeof value !== 'boolean') throw unsupported(`${field}: expected true or false`, value);
  return value;
}

function oneOf(config: Json, field: string, allowed: readonly string[]): string {
  const value = config[field];
  if (!allowed.includes(value as string)) throw unsupported(`${field}: expected one of ${allowed.join(', ')}`, value);
  return value as string;
}

function mustBe(config: Json, field: string, only: unknown): void {
  const value = config[field] ?? only;
  if (value !== only) throw unsupported(`${field}: expected ${show(only)}, as nothing else is implemented`, value);
}

function unsupported(what: string, got: unknown): ModelError {
  return new ModelError('INVALID_CONFIG', `config.json: ${what}, got ${typeof got === 'string' ? got : show(got)}.`);
}
