import { createRequire } from 'node:module';
import fc from 'fast-check';
import { Tiktoken } from 'tiktoken/lite';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { STOCK_ENCODINGS, stockEncoding } from './stock-encodings.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { MAX_CHUNK, textChunks } from './text-chunks.ts';
import { toRankRuns } from './tiktoken-ranks.ts';
import { SPECIAL, SPECIAL_TOKENS } from './tokenizer-data.ts';
import { trainBpe } from './train-bpe.ts';

const data = trainBpe(sampleTexts(300), { vocabSize: 400 });
const tokenizer = createTokenizer(data);
const wellFormed = fc.string({ unit: 'binary', maxLength: 60 });

describe('encode and decode', () => {
  it('loses nothing of any text', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
  });

  it('loses nothing of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(tokenizer.decodeBytes(tokenizer.encodeBytes(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it('encodes bytes that are text as the text', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        expect(tokenizer.encodeBytes(Buffer.from(text))).toEqual(tokenizer.encode(text));
      }),
    );
  });

  it.each([
    ['cut at the end', [0x61, 0xe7, 0x8c]],
    ['overlong', [0xc0, 0x80, 0xe0, 0x80, 0x80]],
    ['surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80, 0xf5, 0xff]],
    ['between good text', [0x61, 0x80, 0x62]],
  ])('keeps bytes that are no UTF-8: %s', (_, list) => {
    const bytes = Uint8Array.from(list);
    expect(tokenizer.decodeBytes(tokenizer.encodeBytes(bytes))).toEqual(bytes);
  });

  it('uses the merges', () => {
    expect(tokenizer.encode('A red elephant is left of the umbrella.').length).toBeLessThan(16);
  });

  it('handles the empty text and a byte order mark', () => {
    expect(tokenizer.encode('')).toEqual(new Int32Array(0));
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode(tokenizer.encode('\ufeffx'))).toBe('\ufeffx');
  });

  it('shows half a character as U+FFFD and keeps its byte', () => {
    const ids = tokenizer.encodeBytes(Uint8Array.of(0xe7, 0x8c));
    expect(tokenizer.decode(ids)).toBe('\ufffd');
    expect(tokenizer.decodeBytes(ids)).toEqual(Uint8Array.of(0xe7, 0x8c));
  });
});

describe('special tokens', () => {
  it('cannot be forged by text', () => {
    const special = new Set(Object.values(tokenizer.specials));
    const pieces = fc.array(fc.constantFrom(...SPECIAL_TOKENS, '<|', '|>', 'image', ' ', 'a'), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('');
        const ids = tokenizer.encode(text);
        expect([...ids].filter((id) => special.has(id))).toEqual([]);
        expect(tokenizer.decode(ids)).toBe(text);
      }),
    );
  });

  it('are known by name, shown or left out', () => {
    expect(tokenizer.eot).toBe(0);
    expect(tokenizer.special(SPECIAL.pad)).toBe(4);
    const ids = [0, ...tokenizer.encode('hi'), 3];
    expect(tokenizer.decode(ids)).toBe('<|endoftext|>hi<|image_end|>');
    expect(tokenizer.decode(ids, { specials: 'skip' })).toBe('hi');
  });

  it('an unknown name is an error, also one that every object has', () => {
    for (const name of ['<|im_end|>', 'toString', '__proto__']) {
      const error = thrownBy(() => tokenizer.special(name));
      expect(error.code).toBe('unknown-special');
      expect(error.message).toContain(name);
    }
  });
});

describe('what cannot be encoded or decoded', () => {
  it.each([[-1], [400], [1.5], [Number.NaN]])('id %s', (id) => {
    const error = thrownBy(() => tokenizer.decode([5, id]));
    expect(error.code).toBe('invalid-id');
    expect(error.message).toMatch(`from 0 to 399, got ${id} at position 1`);
  });

  it('a lone surrogate, with its place', () => {
    for (const text of ['ab\ud800c', 'ab\udc00', 'ab\ud800\ud800\udc00']) {
      const error = thrownBy(() => tokenizer.encode(text));
      expect(error.code).toBe('invalid-text');
      expect(error.message).toMatch(/at index 2 of/);
    }
    expect(thrownBy(() => tokenizer.encode(7 as never)).code).toBe('invalid-text');
  });

  it('a pattern that leaves text out', () => {
    const partial = createTokenizer({ ...data, pattern: '[a-z]+' });
    expect(partial.encode('abc').length).toBeGreaterThan(0);
    const error = thrownBy(() => partial.encode('abc 1'));
    expect(error.code).toBe('invalid-pattern');
    expect(error.message).toMatch(/2 of 5 bytes/);
    expect(thrownBy(() => createTokenizer({ ...data, pattern: '(' })).code).toBe('invalid-pattern');
  });

  it('anything after dispose', () => {
    const gone = createTokenizer(data);
    gone.dispose();
    gone.dispose();
    expect(thrownBy(() => gone.encode('a')).code).toBe('invalid-argument');
  });
});

describe('long texts', () => {
  it('runs that crash tiktoken are encoded in parts', () => {
    for (const unit of [' ', 'a', '7', '.', '\n', '猫', '😀']) {
      const text = unit.repeat(12_001);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('are cut at the last safe place of each stretch, wherever letters of two units lie', () => {
    const unit = fc.constantFrom('a', ' ', ',', '。', '7', '\u{10428}', '\u{20bb7}', '😀', '\n');
    const run = fc.tuple(unit, fc.integer({ min: 1, max: 3000 })).map(([one, count]) => one.repeat(count));
    const text = fc.array(fc.oneof(unit, run), { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (whole) => {
        const places = [...whole.matchAll(/(?<=\p{L})[ \n,.;:!?。，、！？；：]/gu)].map(({ index }) => index);
        let start = 0;
        for (const part of [...textChunks(whole)].slice(0, -1)) {
          const limit = start + MAX_CHUNK;
          const last = places.findLast((place) => place > start && place < limit);
          const cut = start + 1024;
          const end = last ?? (/[\udc00-\udfff]/.test(whole[cut]!) ? cut - 1 : cut);
          expect(part).toBe(whole.slice(start, end));
          start = end;
        }
        expect([...textChunks(whole)].join('')).toBe(whole);
      }),
    );
  });

  it('without a safe place take time in proportion to their length', () => {
    const text = '3.14159,2.71828;'.repeat(250_000);
    const begun = performance.now();
    let length = 0;
    for (const part of textChunks(text)) length += part.length;
    expect(length).toBe(text.length);
    expect(performance.now() - begun).toBeLessThan(20_000); // a second; minutes if every part looked at all that follows
  });

  it('the parts of ordinary text encode as the whole', () => {
    const text = sampleTexts(400).join('');
    expect(text.length).toBeGreaterThan(MAX_CHUNK);
    const parts = [...textChunks(text)];
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.join('')).toBe(text);
    const direct = new Tiktoken(toRankRuns(data.ranks), {}, data.pattern);
    expect(tokenizer.encode(text)).toEqual(Int32Array.from(direct.encode_ordinary(text)));
    direct.free();
  });
});

describe('stock encodings', () => {
  const text = "Hello, world! It's 2024: naïve café 猫\n\n  \tfn(x) => x + 1;\r\n<|endoftext|>\u0085\ufeff";

  it.each(STOCK_ENCODINGS)('%s encodes as tiktoken does', (name) => {
    const stock = createTokenizer(stockEncoding(name));
    const encoder = createRequire(import.meta.url)(`tiktoken/encoders/${name}.json`) as {
      bpe_ranks: string;
      special_tokens: Record<string, number>;
      pat_str: string;
    };
    const direct = new Tiktoken(encoder.bpe_ranks, encoder.special_tokens, encoder.pat_str);
    expect(stock.encode(text)).toEqual(Int32Array.from(direct.encode_ordinary(text)));
    expect(stock.decode(stock.encode(text))).toBe(text);
    expect(stock.eot).toBe(encoder.special_tokens['<|endoftext|>']);
    direct.free();
    stock.dispose();
  });

  it('get the image tokens behind their largest id', () => {
    const gpt2 = stockEncoding('gpt2');
    expect(gpt2.specials).toEqual({
      '<|endoftext|>': 50256,
      '<|image_start|>': 50257,
      '<|image|>': 50258,
      '<|image_end|>': 50259,
      '<|pad|>': 50260,
    });
    expect(stockEncoding('gpt2', { specialTokens: [] }).specials).toEqual({ '<|endoftext|>': 50256 });
    expect(thrownBy(() => stockEncoding('gpt9' as never)).message).toMatch(/Unknown encoding "gpt9".*cl100k_base/);
  });

  it('known ids of gpt2', () => {
    expect([...createTokenizer(stockEncoding('gpt2')).encode('hello world')]).toEqual([31373, 995]);
  });
});
