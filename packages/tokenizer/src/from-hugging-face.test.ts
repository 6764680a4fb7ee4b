import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { fromHuggingFace } from './from-hugging-face.ts';
import { stockEncoding } from './stock-encodings.ts';
import { thrownBy } from './testing/sample-text.ts';
import { toHuggingFace } from './to-hugging-face.ts';
import { SPECIAL_TOKENS, vocabularySize } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests change any part of the file
type File = any;
const fixture = (name: string): File =>
  JSON.parse(readFileSync(new URL(`../fixtures/tokenizer_${name}.json`, import.meta.url), 'utf8'));
const neox = createTokenizer(fromHuggingFace(fixture('neox')));

describe("GPT-NeoX's layout", () => {
  it('finds runs of spaces, longest first, and keeps single ones with their word', () => {
    const { added } = neox.data;
    const ids = [...neox.encode(`a${' '.repeat(27)}b`)];
    expect(ids.filter((id) => Object.values(added!).includes(id))).toEqual([added![' '.repeat(24)], added!['   ']]);
    expect(neox.decode(ids)).toBe(`a${' '.repeat(27)}b`);
  });

  it('brings text to NFC and loses nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(neox.decode(neox.encode(text))).toBe(text.normalize('NFC'));
      }),
    );
    expect(neox.encode('cafe\u0301')).toEqual(neox.encode('caf\u00e9'));
  });

  it('keeps bytes as they are, also in another form', () => {
    for (const text of ['cafe\u0301', 'caf\u00e9']) {
      const bytes = new Uint8Array(Buffer.from(text));
      expect(neox.decodeBytes(neox.encodeBytes(bytes))).toEqual(bytes);
    }
    const cut = Uint8Array.of(0x61, 0xe7, 0x8c);
    expect(neox.decodeBytes(neox.encodeBytes(cut))).toEqual(cut);
  });

  it('has no token for bytes that no UTF-8 holds, and says so', () => {
    const error = thrownBy(() => neox.encodeBytes(Uint8Array.of(0x61, 0xff)));
    expect(error).toMatchObject({ code: 'invalid-text' });
    expect(error.message).toMatch(/0xff.*vocabulary with all 256 bytes/);
    expect([...neox.encode('a')]).toHaveLength(1); // and goes on
  });

  it('writes special tokens in no text', () => {
    const specials = Object.values(neox.specials);
    const part = fc.constantFrom('<|endoftext|>', '<|padding|>', '<|', '|>', '  ', 'a');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const ids = [...neox.encode(parts.join(''))];
        expect(ids.filter((id) => specials.includes(id))).toEqual([]);
      }),
    );
  });
});

describe('files whose special tokens have other names', () => {
  /** GPT-2's vocabulary with Llama 3's names. */
  const llama = (): File => {
    const file: File = toHuggingFace(stockEncoding('gpt2', { specialTokens: [] }));
    delete file.model.vocab['<|endoftext|>'];
    const names = ['<|begin_of_text|>', '<|end_of_text|>', '<|reserved_special_token_0|>'];
    file.added_tokens = names.map((content, i) => ({ id: 50256 + i, content, special: true }));
    return file;
  };

  it('end documents with the token that is named', () => {
    expect(thrownBy(() => createTokenizer(fromHuggingFace(llama()))).message).toMatch(/\{ endOfText \}/);
    const tokenizer = createTokenizer(fromHuggingFace(llama(), { endOfText: '<|end_of_text|>' }));
    expect([tokenizer.eot, tokenizer.vocabSize]).toEqual([50257, 50259]);
    expect(thrownBy(() => fromHuggingFace(llama(), { endOfText: '</s>' }))).toMatchObject({ code: 'unknown-special' });
  });

  it('take tokens of pictures behind their last id, and keep those that they have', () => {
    const data = fromHuggingFace(llama(), { endOfText: '<|end_of_text|>', specialTokens: SPECIAL_TOKENS });
    expect(SPECIAL_TOKENS.map((name) => data.specials[name])).toEqual([50257, 50259, 50260, 50261, 50262]);
    const own = fromHuggingFace(fixture('neox'), { specialTokens: SPECIAL_TOKENS });
    expect(own.specials).toMatchObject(neox.specials);
    expect(vocabularySize(own)).toBe(neox.vocabSize + SPECIAL_TOKENS.length - 1);
    expect(fromHuggingFace(fixture('neox'), {})).toEqual(neox.data);
  });
});

describe('files that say the same in other words', () => {
  const same: [string, (file: File) => void][] = [
    ['merges as texts', (file) => (file.model.merges = file.model.merges.map((m: string[]) => m.join?.(' ') ?? m))],
    ['merges as pairs', (file) => (file.model.merges = file.model.merges.map((m: string) => m.split?.(' ') ?? m))],
    ['no model type', (file) => delete file.model.type],
    ['a sequence of one', (file) => (file.pre_tokenizer = { type: 'Sequence', pretokenizers: [file.pre_tokenizer] })],
    ['a sequence of normalisers', (file) => (file.normalizer = { type: 'Sequence', normalizers: [file.normalizer] })],
    ['no decoder', (file) => delete file.decoder],
    ['empty affixes', (file) => (file.model.continuing_subword_prefix = '')],
  ];
  it.each(same)('%s', (_, change) => {
    const file = fixture('neox');
    change(file);
    expect(fromHuggingFace(file)).toEqual(neox.data);
  });

  it('Removed with invert', () => {
    const file = fixture('split');
    Object.assign(file.pre_tokenizer.pretokenizers[0], { behavior: 'Removed', invert: true });
    expect(fromHuggingFace(file)).toEqual(fromHuggingFace(fixture('split')));
  });
});

describe('files that ignore merges of whole words', () => {
  /** GPT-2's vocabulary as the converter of Llama 3's wrote it: every way to make a token of two others. */
  const converted = (): File => {
    const file: File = toHuggingFace(stockEncoding('gpt2', { specialTokens: [] }));
    const { vocab } = file.model;
    file.model.ignore_merges = true;
    file.model.merges = Object.entries<number>(vocab)
      .sort(([, a], [, b]) => a - b)
      .flatMap(([token]) =>
        Array.from({ length: token.length - 1 }, (_, i) => [token.slice(0, i + 1), token.slice(i + 1)])
          .filter((parts) => parts.every((part) => Object.hasOwn(vocab, part)))
          .sort(([a, b], [c, d]) => vocab[a!] - vocab[c!] || vocab[b!] - vocab[d!]),
      );
    return file;
  };

  it('list every way to make a token, and none of a whole word that nothing leads to', () => {
    const file = converted();
    expect(file.model.merges.length).toBeGreaterThan(60_000);
    const plain = fromHuggingFace(toHuggingFace(stockEncoding('gpt2', { specialTokens: [] })));
    expect(fromHuggingFace(file)).toEqual(plain);
    const id = vocabularySize(plain);
    file.model.vocab['q~q~q'] = id;
    expect(fromHuggingFace(file).ranks[id]).toBe(Buffer.from('q~q~q').toString('base64'));
  });

  it('are refused with merges in another order, or without one that other words need', () => {
    for (const file of [fixture('neox'), fixture('split')]) {
      file.model.ignore_merges = true;
      expect(() => fromHuggingFace(file)).not.toThrow();
      const { merges } = file.model;
      file.model.merges = merges.toReversed();
      expect(thrownBy(() => fromHuggingFace(file)).message).toMatch(/model.merges.*in the order of the ids they make/);
      file.model.merges = merges.slice(1);
      expect(thrownBy(() => fromHuggingFace(file)).message).toMatch(/model.merges: .* got none of/);
      file.model.merges = [...merges, ['Ġ', 'Ġ7~']];
      expect(thrownBy(() => fromHuggingFace(file)).message).toMatch(/a token that model.vocab does not have/);
    }
  });
});

it('a file changed anywhere gives a vocabulary that works, or a TokenizerError: nothing else, and in time', () => {
  const original = JSON.stringify(fixture('neox'));
  const junk = fc.constantFrom<unknown>(
    null,
    -1,
    1e99,
    '',
    '__proto__',
    [],
    {},
    [[]],
    'ByteLevel',
    true,
    '\ud800',
    0.5,
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 3 }), (changes) => {
      const file = JSON.parse(original);
      for (const [place, value] of changes) {
        const slots = slotsOf(file);
        const [owner, key] = slots[place % slots.length]!;
        owner[key] = structuredClone(value); // or the next change would reach into the one that all runs share
      }
      try {
        const tokenizer = createTokenizer(fromHuggingFace(file));
        expect(tokenizer.decode(tokenizer.encode('A red cat  is'))).toBe('A red cat  is');
        tokenizer.dispose();
        accepted++;
      } catch (error) {
        if (!TokenizerError.isInstance(error)) throw error;
      }
    }),
    { numRuns: 100 },
  );
  expect(accepted).toBeLessThan(100);
});

/** Every place of a file that holds a value; of long lists and objects the first few. */
function slotsOf(value: File): [File, string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value)
    .slice(0, 12)
    .flatMap((key): [File, string][] => [[value, key], ...slotsOf(value[key])]);
}

it('keeps tokens called as what every object has', () => {
  const file = fixture('neox');
  file.added_tokens.push({ ...file.added_tokens[0], id: 900, content: '__proto__' });
  file.added_tokens.push({ ...file.added_tokens[2], id: 901, content: 'toString' });
  const tokenizer = createTokenizer(fromHuggingFace(file));
  expect(tokenizer.special('__proto__')).toBe(900);
  expect(tokenizer.decode(tokenizer.encode('a toString b'))).toBe('a toString b');
  expect([...tokenizer.encode('toString')]).toEqual([901]);
});

describe('files that mean something else are refused by name', () => {
  const cases: [string, (file: File) => void, RegExp][] = [
    ['a Unigram model', (file) => (file.model.type = 'Unigram'), /^model:.*expected BPE, got Unigram/],
    ['lower case', (file) => (file.normalizer = { type: 'Lowercase' }), /^normalizer:.*none or NFC, got Lowercase/],
    ['NFKC', (file) => (file.normalizer = { type: 'Sequence', normalizers: [{ type: 'NFKC' }] }), /got NFKC/],
    ['a prefix space', (file) => (file.pre_tokenizer.add_prefix_space = true), /add_prefix_space/],
    ['metaspace', (file) => (file.pre_tokenizer = { type: 'Metaspace' }), /^pre_tokenizer:.*got Metaspace/],
    ['none', (file) => (file.pre_tokenizer = null), /Expected pre_tokenizer to be an object, got null/],
    [
      'digits first',
      (file) => (file.pre_tokenizer = { type: 'Sequence', pretokenizers: [{ type: 'Digits' }, { type: 'ByteLevel' }] }),
      /one Split and then ByteLevel.*got Digits, then ByteLevel with use_regex/,
    ],
    ['no pattern at all', (file) => (file.pre_tokenizer.use_regex = false), /ByteLevel alone, or one Split/],
    ['byte fallback', (file) => (file.model.byte_fallback = true), /byte_fallback/],
    ['dropout', (file) => (file.model.dropout = 0.1), /model.dropout.*got 0.1/],
    ['an end-of-word mark', (file) => (file.model.end_of_word_suffix = '</w>'), /end_of_word_suffix.*got <\/w>/],
    ['another decoder', (file) => (file.decoder = { type: 'WordPiece' }), /^decoder:.*got WordPiece/],
    ['merges in another order', (file) => file.model.merges.reverse(), /merges in the order of the ids/],
    ['a merge less', (file) => file.model.merges.pop(), /a merge for every token/],
    ['a merge of nothing', (file) => file.model.merges.push('zz zz'), /a token that model.vocab does not have/],
    ['half a merge', (file) => file.model.merges.push('zz'), /merge of two tokens, got "zz"/],
    ['an added token that strips', (file) => (file.added_tokens[3].lstrip = true), /lstrip/],
    ['an added token without id', (file) => delete file.added_tokens[3].id, /content and id/],
    ['a token that is no bytes', (file) => (file.model.vocab['猫'] = 9999), /token 9999 to be byte-level/],
    ['an id that is none', (file) => (file.model.vocab['aa'] = -1), /whole number, got -1/],
    ['a byte less', (file) => delete file.model.vocab['!'], /0x21 has no token/],
    ['a list of merges that is none', (file) => (file.model.merges = {}), /model.merges to be a list, got object/],
    ['no vocabulary', (file) => (file.model.vocab = []), /model.vocab to be an object, got a list/],
  ];
  it.each(cases)('%s', (_, change, message) => {
    const file = fixture('neox');
    change(file);
    const error = thrownBy(() => fromHuggingFace(file));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('invalid-data');
  });

  it.each<[string, (split: File) => void, RegExp]>([
    ['cutting at a text', (split) => (split.pattern = { String: ' ' }), /a Regex/],
    [
      'dropping what it finds',
      (split) => (split.behavior = 'Removed'),
      /Isolated, or Removed with invert, got Removed/,
    ],
  ])('a Split %s', (_, change, message) => {
    const file = fixture('split');
    change(file.pre_tokenizer.pretokenizers[0]);
    expect(thrownBy(() => fromHuggingFace(file)).message).toMatch(message);
  });

  it('merges that leave other halves than they say', () => {
    const file = fixture('neox');
    const at = file.model.merges.findIndex((merge: string | string[]) => {
      const [left, right] = typeof merge === 'string' ? merge.split(' ') : merge;
      return left!.length + right!.length === 3;
    });
    const merge = file.model.merges[at];
    const [left, right] = typeof merge === 'string' ? merge.split(' ') : merge;
    const token = left + right;
    file.model.merges[at] = left.length === 2 ? [token[0], token.slice(1)] : [token.slice(0, 2), token[2]];
    expect(thrownBy(() => fromHuggingFace(file)).message).toMatch(/which the merges before it leave of token/);
  });
});
