import { describe, expect, it } from 'vitest';
import { createTokenizer } from './create-tokenizer.ts';
import { captionPrompt, encodeCaption, encodeDocument } from './encode-items.ts';
import { stockEncoding } from './stock-encodings.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { trainBpe } from './train-bpe.ts';

const tokenizer = createTokenizer(trainBpe(sampleTexts(300), { vocabSize: 380 }));

describe('documents', () => {
  it('end with <|endoftext|> and carry loss everywhere', () => {
    const { tokens, loss } = encodeDocument(tokenizer, ' A cat.\n');
    expect(tokenizer.decode(tokens)).toBe(' A cat.\n<|endoftext|>');
    expect(tokens).toBeInstanceOf(Int32Array);
    expect([...loss]).toEqual(Array(tokens.length).fill(1));
  });

  it('laid end to end have exactly one <|endoftext|> between them', () => {
    const all = ['a', 'b<|endoftext|>', 'c'].flatMap((text) => [...encodeDocument(tokenizer, text).tokens]);
    expect(all.filter((id) => id === tokenizer.eot)).toHaveLength(3);
    expect(all.at(-1)).toBe(tokenizer.eot);
  });

  it('must not be empty', () => {
    expect(thrownBy(() => encodeDocument(tokenizer, '')).code).toBe('invalid-text');
  });
});

describe('captions', () => {
  it('carry loss on the caption and its end, never on the image', () => {
    const { tokens, loss } = encodeCaption(tokenizer, ' A cat. ', { patches: 3 });
    const shown = tokenizer.decode(tokens);
    expect(shown).toBe('<|image_start|><|image|><|image|><|image|><|image_end|>A cat.<|endoftext|>');
    expect(tokenizer.decode(tokens.filter((_, i) => loss[i] === 1))).toBe('A cat.<|endoftext|>');
    expect(loss.slice(0, 5)).toEqual(new Uint8Array(5));
  });

  it('are prompted with what stands before them', () => {
    const prompt = captionPrompt(tokenizer, { patches: 2 });
    expect(prompt[0]).toBe(tokenizer.eot);
    const { tokens } = encodeCaption(tokenizer, 'A cat.', { patches: 2 });
    expect(tokens.slice(0, prompt.length - 1)).toEqual(prompt.slice(1));
  });

  it('must not be empty, and need patches and image tokens', () => {
    expect(thrownBy(() => encodeCaption(tokenizer, ' \n', { patches: 2 })).code).toBe('invalid-text');
    for (const patches of [0, -1, 1.5, Number.NaN])
      expect(thrownBy(() => encodeCaption(tokenizer, 'a', { patches })).message).toMatch(`got ${patches}`);
    const bare = createTokenizer(stockEncoding('gpt2', { specialTokens: [] }));
    expect(thrownBy(() => encodeCaption(bare, 'a', { patches: 1 })).code).toBe('unknown-special');
  });
});
