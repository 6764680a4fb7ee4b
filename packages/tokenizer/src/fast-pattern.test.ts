import fc from 'fast-check';
import { Tiktoken } from 'tiktoken/lite';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { fastPattern, settled } from './fast-pattern.ts';
import { GPT_PATTERN, GPT2_PATTERN } from './pattern.ts';
import { STOCK_ENCODINGS, stockEncoding } from './stock-encodings.ts';
import { sampleTexts } from './testing/sample-text.ts';
import { toRankRuns } from './tiktoken-ranks.ts';
import { trainBpe } from './train-bpe.ts';

const data = trainBpe(sampleTexts(100), { vocabSize: 300 });

describe('patterns that JavaScript runs', () => {
  it.each<[string, string]>([
    ['our own', GPT_PATTERN],
    ['GPT-2', GPT2_PATTERN],
    ...STOCK_ENCODINGS.map((name) => [name, stockEncoding(name).pattern] as [string, string]),
  ])('%s is one', (_, pattern) => {
    expect(fastPattern(pattern)).toBeInstanceOf(RegExp);
  });

  it.each([
    '\\p{L}++|.',
    '\\s+$|.',
    '(?i:x)|.',
    '\\w+|.',
    '\\d|.',
    'a+?|.',
    '(?<=a)b|.',
    '\\p{Han}+|.',
    '\\b',
    '(',
    '[a',
  ])('%s is left to tiktoken', (pattern) => {
    expect(fastPattern(pattern)).toBeUndefined();
  });

  it('agree with tiktoken on the class of every settled character', () => {
    const characters: string[] = [];
    for (let code = 0; code < 0x110000; code++) {
      const character = String.fromCodePoint(code);
      if ((code < 0xd800 || code > 0xdfff) && settled.test(character)) characters.push(character);
    }
    expect(characters.length).toBeGreaterThan(80_000);
    const texts = Array.from({ length: Math.ceil(characters.length / 4096) }, (_, i) =>
      characters.slice(4096 * i, 4096 * (i + 1)).join(''),
    );
    for (const [rust, js] of [
      ['\\p{L}', /\p{L}/gu],
      ['\\p{N}', /\p{N}/gu],
      ['\\s', /\p{White_Space}/gu],
      ...['Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'M'].map((name) => [`\\p{${name}}`, new RegExp(`\\p{${name}}`, 'gu')] as const),
    ] as const) {
      const tiktoken = new Tiktoken(toRankRuns(data.ranks), {}, rust);
      for (const text of texts) {
        const found = Buffer.from(tiktoken.decode(tiktoken.encode_ordinary(text))).toString();
        expect(found).toBe((text.match(js) ?? []).join(''));
      }
      tiktoken.free();
    }
  });
});

describe('words found by JavaScript', () => {
  const character = fc.oneof(
    fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\r\n',
      '\t',
      "'s",
      "'LL",
      "'\u017f",
      '\u0085',
      '\ufeff',
      '\u00a0',
      '12345',
      'é',
      '猫',
    ),
    fc.constantFrom('\u{105c0}', '\u0c5c', '\u088f'), // not settled
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.string({ maxLength: 4 }),
  );
  const texts = fc.array(character, { maxLength: 20 }).map((parts) => parts.join(''));

  it.each([...STOCK_ENCODINGS, 'own'] as const)('%s: the ids are those of tiktoken alone', (name) => {
    const vocabulary = name === 'own' ? data : stockEncoding(name);
    const tokenizer = createTokenizer(vocabulary);
    const direct = new Tiktoken(toRankRuns(vocabulary.ranks), {}, vocabulary.pattern);
    fc.assert(
      fc.property(texts, (text) => {
        expect(tokenizer.encode(text)).toEqual(Int32Array.from(direct.encode_ordinary(text)));
      }),
      { numRuns: 300 },
    );
    direct.free();
    tokenizer.dispose();
  });

  it('are the same when the table is full and forgets', () => {
    const tokenizer = createTokenizer(data);
    const words = Array.from({ length: 120_000 }, (_, i) => ` ${i.toString(36)}x`);
    const first = tokenizer.encode(words.slice(0, 100).join(''));
    tokenizer.encode(words.join(''));
    expect(tokenizer.encode(words.slice(0, 100).join(''))).toEqual(first);
  });
});
