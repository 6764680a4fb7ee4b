import { describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { fromHuggingFace } from './from-hugging-face.ts';
import { stockEncoding } from './stock-encodings.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { fromTiktokenText, toTiktokenText } from './tiktoken-ranks.ts';
import { toHuggingFace } from './to-hugging-face.ts';
import { parseTokenizer, stringifyTokenizer, type TokenizerData } from './tokenizer-data.ts';
import { trainBpe } from './train-bpe.ts';

const data = trainBpe(sampleTexts(300), { vocabSize: 380 });

describe('saving and loading', () => {
  it('as JSON', () => {
    expect(parseTokenizer(stringifyTokenizer(data))).toEqual(data);
    expect(parseTokenizer(JSON.stringify(data))).toEqual(data);
  });

  it('as tiktoken ranks, with gaps', () => {
    for (const each of [data, stockEncoding('p50k_base')]) {
      const { pattern, specials } = each;
      expect(fromTiktokenText(toTiktokenText(each), { pattern, specials })).toEqual(each);
    }
    expect(toTiktokenText(data).split('\n')[0]).toBe('AA== 5');
  });

  it('as a Hugging Face tokenizer.json', () => {
    for (const each of [data, stockEncoding('gpt2')])
      expect(fromHuggingFace(JSON.parse(JSON.stringify(toHuggingFace(each))))).toEqual(each);
  });

  it('finds the merges of gpt2 as they were published', () => {
    const { model } = toHuggingFace(stockEncoding('gpt2')) as { model: { merges: [string, string][] } };
    expect(model.merges).toHaveLength(50_000);
    expect(model.merges.slice(0, 6).map((pair) => pair.join(' '))).toEqual(['Ġ t', 'Ġ a', 'h e', 'i n', 'r e', 'o n']);
  });
});

describe('vocabularies that contradict themselves', () => {
  const ranks = data.ranks;
  it.each<[string, unknown, RegExp]>([
    ['null', null, /got null/],
    ['another version', { ...data, version: 2 }, /version 1, got 2/],
    ['no pattern', { ...data, pattern: '' }, /pattern/],
    ['ranks of another kind', { ...data, ranks: {} }, /list of base64/],
    ['specials of another kind', { ...data, specials: [] }, /specials to be an object/],
    ['no base64', { ...data, ranks: [...ranks, '*'] }, /rank 380.*"\*"/],
    ['an empty token', { ...data, ranks: [...ranks, ''] }, /rank 380/],
    ['a token twice', { ...data, ranks: [...ranks, ranks[300]] }, /300 and 380 have the same bytes/],
    ['a byte missing', { ...data, ranks: ranks.map((t) => (t === 'Cg==' ? null : t)) }, /0x0a has no token/],
    ['an id for two', { ...data, specials: { a: 1, b: 1 } }, /Id 1 belongs to both a and b/],
    ['an id of a rank', { ...data, specials: { a: 7 } }, /Id 7 belongs to both a and the rank/],
    ['a negative id', { ...data, specials: { a: -1 } }, /got -1/],
    ['a nameless special', { ...data, specials: { '': 1 } }, /empty name/],
  ])('%s', (_, value, message) => {
    const error = thrownBy(() => createTokenizer(value as TokenizerData));
    expect(error.code).toBe('invalid-data');
    expect(error.message).toMatch(message);
  });

  it('a vocabulary without <|endoftext|>', () => {
    expect(thrownBy(() => createTokenizer({ ...data, specials: {} })).code).toBe('unknown-special');
  });

  it('files that are no vocabulary', () => {
    expect(thrownBy(() => parseTokenizer('{')).code).toBe('invalid-data');
    const rest = { pattern: 'x', specials: {} };
    expect(thrownBy(() => fromTiktokenText('QQ== x', rest)).message).toMatch(/Line 1: expected "base64 id"/);
    expect(thrownBy(() => fromTiktokenText('QQ== 999999999', rest)).code).toBe('invalid-data');
    expect(thrownBy(() => fromTiktokenText('QQ== 0\nQg== 0', rest)).message).toMatch(/Line 2: id 0 appears twice/);
    for (const file of [null, {}, { model: { type: 'Unigram', vocab: {} } }])
      expect(thrownBy(() => fromHuggingFace(file)).code).toBe('invalid-data');
  });
});
