import { describe, expect, it } from 'vitest';
import { decoderConfig } from './decoder-config.ts';
import { huggingFaceConfig, huggingFaceDecoder } from './hugging-face-config.ts';

const llama = {
  model_type: 'llama',
  hidden_act: 'silu',
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  max_position_embeddings: 2048,
  vocab_size: 100,
};

describe('published settings', () => {
  it('TinyLlama, Llama 1 to 3 in the words of version 4', () => {
    const scaling = { factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
    expect(huggingFaceDecoder({ ...llama, rope_scaling: { ...scaling, rope_type: 'llama3' } })).toEqual({
      family: 'llama',
      dim: 64,
      layers: 2,
      heads: 4,
      vocabSize: 100,
      sequenceLength: 2048,
      hidden: 96,
      normEpsilon: 1e-5,
      rotaryBase: 500000,
      tiedHead: false,
      keyHeads: 2,
      headWidth: 16,
      rotaryScaling: {
        kind: 'llama3',
        factor: 32,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        originalLength: 8192,
      },
      qkNorm: 'none',
      norms: 'before',
      queryKeyValueBias: false,
      attentionOutputBias: false,
      feedForwardBias: false,
    });
    const old = huggingFaceDecoder({ ...llama, rope_scaling: { type: 'linear', factor: 4 } }, { sequenceLength: 512 });
    expect(old).toMatchObject({ rotaryScaling: { kind: 'linear', factor: 4 }, sequenceLength: 512 });
    expect(huggingFaceDecoder({ ...llama, num_key_value_heads: undefined })).toMatchObject({ keyHeads: 4 });
  });

  it('Pythia, in the words of version 4', () => {
    const pythia = {
      model_type: 'gpt_neox',
      hidden_act: 'gelu',
      hidden_size: 512,
      intermediate_size: 2048,
      layer_norm_eps: 1e-5,
      max_position_embeddings: 2048,
      num_attention_heads: 8,
      num_hidden_layers: 6,
      rotary_emb_base: 10000,
      rotary_pct: 0.25,
      use_parallel_residual: true,
      vocab_size: 50304,
    };
    expect(huggingFaceDecoder(pythia)).toMatchObject({ family: 'gpt-neox', rotaryWidth: 16, parallelResidual: true });
  });
});

describe('a configuration of our own becomes config.json and comes back', () => {
  const sizes = { dim: 64, layers: 2, heads: 4, hidden: 96, vocabSize: 100, sequenceLength: 128 } as const;
  it.each([
    decoderConfig({ ...sizes, family: 'llama', keyHeads: 1, tiedHead: true }),
    decoderConfig({ ...sizes, family: 'llama', rotaryScaling: { kind: 'linear', factor: 3 }, feedForwardBias: true }),
    decoderConfig({ ...sizes, family: 'llama', queryKeyValueBias: true, attentionOutputBias: true }),
    decoderConfig({ ...sizes, family: 'llama', queryKeyValueBias: true }),
    decoderConfig({ ...sizes, family: 'llama', qkNorm: 'head', headWidth: 32 }),
    decoderConfig({ ...sizes, family: 'llama', qkNorm: 'width', norms: 'after' }),
    decoderConfig({ ...sizes, family: 'gpt-neox', rotaryWidth: 8, attentionBias: false }),
  ])('%j', (decoder) => {
    expect(huggingFaceDecoder(JSON.parse(JSON.stringify(huggingFaceConfig(decoder))))).toEqual(decoder);
  });

  it('unless no model type has its features together', () => {
    const mixed = decoderConfig({ ...sizes, family: 'llama', qkNorm: 'width' });
    expect(() => huggingFaceConfig(mixed)).toThrow(/one of llama.* has together, got qkNorm "width"/);
    const { hidden: _, ...small } = sizes;
    expect(() => huggingFaceConfig(decoderConfig(small))).toThrow(/llama or gpt-neox family.*got openlm/);
  });
});

describe('what would change the numbers is refused', () => {
  const cases: [string, unknown, RegExp][] = [
    ['no object', [], /expected an object, got \[\]/],
    ['another model', { ...llama, model_type: 'mamba' }, /model_type: expected one of llama, mistral.*got mamba/],
    ['another activation', { ...llama, hidden_act: 'gelu' }, /hidden_act: expected "silu".*got gelu/],
    ['a missing size', { ...llama, hidden_size: undefined }, /hidden_size: expected an integer ≥ 1, got nothing/],
    ['a text for a number', { ...llama, rms_norm_eps: '1e-5' }, /rms_norm_eps: expected a number, got 1e-5/],
    ['other stretching', { ...llama, rope_scaling: { rope_type: 'yarn', factor: 4 } }, /rope_type.*"llama3", got yarn/],
    ['stretching without a factor', { ...llama, rope_scaling: { type: 'linear' } }, /factor: expected a number/],
    ['a sliding window', { ...llama, model_type: 'mistral', sliding_window: 4096 }, /sliding_window.*got 4096/],
    ['a part that turns', { ...llama, partial_rotary_factor: 0.5 }, /partial_rotary_factor 1, got 0\.5/],
    ['heads that do not divide', { ...llama, num_key_value_heads: 3 }, /keyHeads: expected a divisor of the 4/],
    ['a word for a truth value', { ...llama, tie_word_embeddings: 1 }, /tie_word_embeddings: expected true or false/],
  ];
  it.each(cases)('%s', (_, json, message) => {
    expect(() => huggingFaceDecoder(json)).toThrow(message);
  });
});
