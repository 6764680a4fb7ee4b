import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countWords } from './count-words.ts';
import { createTokenizer } from './create-tokenizer.ts';
import { GPT_PATTERN } from './pattern.ts';
import { naiveBpe } from './testing/naive-bpe.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { SPECIAL_TOKENS, stringifyTokenizer } from './tokenizer-data.ts';
import { trainBpe } from './train-bpe.ts';

const texts = sampleTexts(300);

describe('trainBpe', () => {
  it('trains on as little as its example', () => {
    const data = trainBpe(['the cat sat on the mat, the cat sat'], { vocabSize: 265 });
    expect(data.ranks.slice(5 + 256).map((token) => String(Buffer.from(token!, 'base64')))).toEqual([
      'at',
      'he',
      'the',
      ' c',
    ]);
  });

  it('finds the merges that the definition finds', () => {
    const data = trainBpe(texts, { vocabSize: 5 + 256 + 150 });
    expect(data.ranks.slice(5)).toEqual(naiveBpe(countWords(texts, GPT_PATTERN), 150, 2));
  });

  it('agrees with the definition on texts made to collide: few letters, overlaps, many ties', () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 25,
    });
    // All words of four letters: enough pairs for all 60 merges.
    const letters = ['a', 'b', 'c'];
    const all = letters.flatMap((w) =>
      letters.flatMap((x) => letters.flatMap((y) => letters.map((z) => w + x + y + z))),
    );
    let mostMerges = 0;
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 3 }), (list, minCount) => {
        const text = [list.join(' ')];
        const expected = naiveBpe(countWords(text, GPT_PATTERN), 60, minCount);
        const data = trainBpe(text, { vocabSize: 5 + 256 + 60, minCount, whenTooSmall: 'smaller' });
        expect(data.ranks.slice(5)).toEqual(expected);
        mostMerges = Math.max(mostMerges, expected.length - 256);
      }),
      { numRuns: 150, examples: [[all, 1]] },
    );
    expect(mostMerges).toBe(60);
  });

  it('gives special tokens the first ids, then the bytes, then merges', () => {
    const data = trainBpe(texts, { vocabSize: 300 });
    expect(data.specials).toEqual({
      '<|endoftext|>': 0,
      '<|image_start|>': 1,
      '<|image|>': 2,
      '<|image_end|>': 3,
      '<|pad|>': 4,
    });
    expect(data.ranks).toHaveLength(300);
    expect(data.ranks.slice(0, 6)).toEqual([null, null, null, null, null, 'AA==']);
    expect(createTokenizer(data).vocabSize).toBe(300);
  });

  it('is the same to the byte each time, and a larger vocabulary begins with the smaller', () => {
    const small = trainBpe(texts, { vocabSize: 320 });
    expect(stringifyTokenizer(trainBpe(texts, { vocabSize: 320 }))).toBe(stringifyTokenizer(small));
    expect(trainBpe(texts, { vocabSize: 400 }).ranks.slice(0, 320)).toEqual(small.ranks);
  });

  it('never joins across two texts or two words', () => {
    const data = trainBpe(Array(50).fill('ab'), { vocabSize: 262 });
    expect(data.ranks[261]).toBe(Buffer.from('ab').toString('base64'));
    expect(thrownBy(() => trainBpe(Array(50).fill('ab'), { vocabSize: 263 })).code).toBe('corpus-too-small');
  });

  it.each([
    ['too small for the bytes', { vocabSize: 260 }, /from 261 .*got 260/],
    ['not whole', { vocabSize: 300.5 }, /got 300.5/],
    ['hostile', { vocabSize: 1e9 }, /to 4194304, got 1000000000/],
    [
      'another first special token',
      { vocabSize: 300, specialTokens: ['<|pad|>'] },
      /first special token.*got <\|pad\|>/,
    ],
    ['a special token twice', { vocabSize: 300, specialTokens: ['<|endoftext|>', 'a', 'a'] }, /different/],
    ['no minimal count', { vocabSize: 300, minCount: 0 }, /got 0/],
  ])('refuses options: %s', (_, options, message) => {
    const error = thrownBy(() => trainBpe(texts, options));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });

  it('says when there is too little text, or stops there if asked to', () => {
    const error = thrownBy(() => trainBpe(['abab'], { vocabSize: 300 }));
    expect(error.code).toBe('corpus-too-small');
    expect(error.message).toMatch(/give 262 tokens, expected vocabSize 300/);
    expect(trainBpe([], { vocabSize: 300, whenTooSmall: 'smaller' }).ranks).toHaveLength(261);
  });

  it('refuses lone surrogates and patterns that JavaScript cannot run', () => {
    expect(thrownBy(() => trainBpe(['a\ud800'], { vocabSize: 300 })).code).toBe('invalid-text');
    expect(thrownBy(() => trainBpe(['a'], { vocabSize: 300, pattern: '(?i:a)|(' })).code).toBe('invalid-pattern');
  });

  it('takes any special tokens', () => {
    const specialTokens = [...SPECIAL_TOKENS, '<|im_start|>', '<|im_end|>'];
    expect(trainBpe(texts, { vocabSize: 300, specialTokens }).specials['<|im_end|>']).toBe(6);
  });
});
