import { describe, expect, it } from 'vitest';
import { countDecoderParameters } from './counts.ts';
import { type DecoderOptions, decoderConfig } from './decoder-config.ts';
import { ModelError } from './model-error.ts';
import { decoderSize, decoderSizes, type OpenLmOptions, swigluHidden } from './openlm-config.ts';

const quick: OpenLmOptions = { dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 };

describe('named sizes', () => {
  const published: Record<string, [plain: number, qkNorm: number]> = {
    '11m': [10_569_312, 10_570_848],
    '79m': [78_914_048, 78_922_240],
    '154m': [153_677_376, 153_705_024],
    '160m': [162_417_408, 162_435_840],
    '411m': [411_616_256, 411_665_408],
    '830m': [834_479_616, 834_553_344],
    '1b': [1_439_795_200, 1_439_893_504],
    '3b': [2_795_932_160, 2_796_096_000],
    '7b': [6_889_410_560, 6_889_672_704],
  };
  it.each(decoderSizes.map((size) => [size] as const))('%s has the published number of parameters', (size) => {
    expect([
      countDecoderParameters(decoderSize(size, { qkNorm: false })),
      countDecoderParameters(decoderSize(size)),
    ]).toEqual(published[size]);
  });

  it('covers every published size', () => {
    expect(decoderSizes).toEqual(Object.keys(published));
  });
});

it('follows the width rule of SwiGLU', () => {
  expect([96, 512, 576, 1024, 2048, 2560, 4096].map(swigluHidden)).toEqual([256, 1536, 1536, 2816, 5632, 6912, 11008]);
});

it('takes an explicit inner width and a tied head', () => {
  const config = decoderConfig({ ...quick, hidden: 200, tiedHead: true, qkNorm: false });
  expect(countDecoderParameters(config)).toBe(3 * (4 * 96 * 96 + 3 * 96 * 200 + 2 * 96) + 2048 * 96 + 96);
});

describe('bad configurations', () => {
  const cases: [string, object, RegExp][] = [
    ['a misspelt field', { ...quick, qknorm: true }, /unknown field "qknorm"; did you mean "qkNorm"/],
    ['a missing field', { ...quick, dim: undefined }, /decoder\.dim: expected an integer ≥ 1, got nothing/],
    [
      'a Llama without its inner width',
      { family: 'llama', vocabSize: 64, dim: 16, layers: 1, heads: 2, sequenceLength: 8 },
      /decoder\.hidden: expected an integer ≥ 1, got nothing/,
    ],
    ['a fraction', { ...quick, layers: 2.5 }, /decoder\.layers: expected an integer ≥ 1, got 2\.5/],
    ['heads that do not divide', { ...quick, heads: 5 }, /96 \/ 5 = 19\.2/],
    ['heads of odd width', { ...quick, heads: 32 }, /even integer, got 96 \/ 32 = 3/],
    ['an unknown norm', { ...quick, norm: 'batch' }, /expected one of "layer-gain", "rms", got "batch"/],
    ['no epsilon', { ...quick, normEpsilon: 0 }, /normEpsilon: expected a number > 0, got 0/],
    ['a word for a truth value', { ...quick, qkNorm: 'yes' }, /expected true or false, got "yes"/],
  ];
  it.each(cases)('%s', (_, options, message) => {
    expect(() => decoderConfig(options as DecoderOptions)).toThrow(message);
    try {
      decoderConfig(options as DecoderOptions);
    } catch (error) {
      expect(ModelError.isInstance(error) && error.code).toBe('INVALID_CONFIG');
    }
  });

  it('an unknown size', () => {
    expect(() => decoderSize('2b' as '1b')).toThrow(/expected one of "11m".*got "2b"/);
  });
});
