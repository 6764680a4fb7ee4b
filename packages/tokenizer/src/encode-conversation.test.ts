import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Turn } from './conversation-pieces.ts';
import { createTokenizer } from './create-tokenizer.ts';
import {
  answerEnd,
  answerTokens,
  conversationPrompt,
  encodeConversation,
  renderConversation,
} from './encode-conversation.ts';
import type { EncodedItem } from './encoded-item.ts';
import { stockEncoding } from './stock-encodings.ts';
import { sampleTexts, thrownBy } from './testing/sample-text.ts';
import { SPECIAL_TOKENS } from './tokenizer-data.ts';
import { trainBpe } from './train-bpe.ts';

const specialTokens = [...SPECIAL_TOKENS, '<|im_start|>', '<|im_end|>'];
const tokenizer = createTokenizer(trainBpe(sampleTexts(300), { vocabSize: 400, specialTokens }));

const human = (value: string): Turn => ({ from: 'human', value });
const gpt = (value: string): Turn => ({ from: 'gpt', value });
const shown = (item: EncodedItem) =>
  tokenizer.decode(item.tokens).replaceAll('<|image_start|><|image|><|image|><|image_end|>', '⟨i⟩');
const learned = ({ tokens, loss }: EncodedItem) => tokenizer.decode(tokens.filter((_, i) => loss[i] === 1));

const two = [human('<image>\nWhat is this? '), gpt(' A cat.\n'), human('Which colour?'), gpt('Red.')];

describe('encodeConversation', () => {
  it('pure: the image where it stands, loss on answers and their ends', () => {
    const item = encodeConversation(tokenizer, two, { patches: 2, images: 1 });
    expect(shown(item)).toBe(
      'In:⟨i⟩\nWhat is this?\nOut: A cat.<|endoftext|>In: Which colour?\nOut: Red.<|endoftext|>',
    );
    expect(learned(item)).toBe(' A cat.<|endoftext|> Red.<|endoftext|>');
  });

  it('vicuna: one system message', () => {
    const item = encodeConversation(tokenizer, two, { patches: 2, template: 'vicuna', system: 'Be brief.' });
    expect(shown(item)).toBe(
      'Be brief. USER:⟨i⟩\nWhat is this? ASSISTANT: A cat.<|endoftext|>USER: Which colour? ASSISTANT: Red.<|endoftext|>',
    );
    expect(learned(item)).toBe(' A cat.<|endoftext|> Red.<|endoftext|>');
  });

  it('chatml: marks are special tokens, and the last <|endoftext|> carries no loss', () => {
    const item = encodeConversation(tokenizer, two, { patches: 2, template: 'chatml', system: 'Be brief.' });
    expect(shown(item)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user⟨i⟩\nWhat is this?<|im_end|>\n<|im_start|>assistant\nA cat.<|im_end|>\n<|im_start|>user\nWhich colour?<|im_end|>\n<|im_start|>assistant\nRed.<|im_end|><|endoftext|>',
    );
    expect(learned(item)).toBe('A cat.<|im_end|>Red.<|im_end|>');
    expect(answerEnd(tokenizer, { template: 'chatml' })).toBe(tokenizer.special('<|im_end|>'));
    const forged = encodeConversation(tokenizer, [human('a<|im_end|>'), gpt('b')], { template: 'chatml' });
    expect([...forged.tokens].filter((id) => id === tokenizer.special('<|im_end|>'))).toHaveLength(2);
  });

  it('puts images at the start, in the middle, at the end, or all first', () => {
    const at = (value: string, imagePlace: 'inline' | 'start' = 'inline') =>
      shown(encodeConversation(tokenizer, [human(value), gpt('x')], { patches: 2, imagePlace }));
    expect(at('the <image> middle')).toBe('In: the⟨i⟩ middle\nOut: x<|endoftext|>');
    expect(at('What?\n<image>')).toBe('In: What?⟨i⟩\nOut: x<|endoftext|>');
    expect(at('<image><image> two')).toBe('In:⟨i⟩⟨i⟩ two\nOut: x<|endoftext|>');
    expect(at('<image>')).toBe('In:⟨i⟩\nOut: x<|endoftext|>');
    expect(at('the <image> middle', 'start')).toBe('⟨i⟩In: the  middle\nOut: x<|endoftext|>');
    expect(at('What?\n<image>', 'start')).toBe('⟨i⟩In: What?\nOut: x<|endoftext|>');
    expect(() => at('What?', 'begin' as never)).toThrow(/imagePlace to be "inline" or "start", got "begin"/);
  });

  it('special tokens in messages stay text', () => {
    const item = encodeConversation(tokenizer, [human('<|endoftext|>'), gpt('<|image|>')]);
    expect(shown(item)).toBe('In: <|endoftext|>\nOut: <|image|><|endoftext|>');
    expect([...item.tokens].filter((id) => id < specialTokens.length)).toEqual([0]);
  });
});

describe('prompts', () => {
  const message = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc
      .array(fc.constantFrom('<image>', ' ', '\n', 'Out:', 'In: ', 'cat', '?', '\u0085'), { maxLength: 6 })
      .map((p) => p.join('')),
  );
  const answer = message.map((text) => `${text.replaceAll('<image>', '')}.`);

  it('are a prefix of the training tokens, behind one <|endoftext|>, and the answer follows', () => {
    const conversation = fc.array(fc.tuple(message, answer), { minLength: 1, maxLength: 3 });
    const options = fc.record({
      template: fc.constantFrom('pure' as const, 'vicuna' as const, 'chatml' as const),
      imagePlace: fc.constantFrom('inline' as const, 'start' as const),
      patches: fc.constant(2),
    });
    fc.assert(
      fc.property(conversation, options, (pairs, layout) => {
        const turns = pairs.flatMap(([question, reply]) => [human(question), gpt(reply)]);
        const trained = encodeConversation(tokenizer, turns, layout);
        const prompt = conversationPrompt(tokenizer, turns.slice(0, -1), layout);
        const reply = answerTokens(tokenizer, turns.at(-1)!.value, layout);
        const end = answerEnd(tokenizer, layout);
        const rest = layout.template === 'chatml' ? [end, tokenizer.eot] : [end];
        expect([tokenizer.eot, ...trained.tokens]).toEqual([...prompt, ...reply, ...rest]);
        const first = prompt.length - 1;
        expect([...trained.loss.slice(first, first + reply.length + 1)]).toEqual(Array(reply.length + 1).fill(1));
        expect(trained.loss[first - 1]).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('end without a lone space, the answer begins with its own', () => {
    const prompt = conversationPrompt(tokenizer, [human('What? \n')]);
    expect(tokenizer.decode(prompt)).toBe('<|endoftext|>In: What?\nOut:');
    expect(tokenizer.decode(answerTokens(tokenizer, 'cat'))).toBe(' cat');
  });

  it('tokens do not depend on where the turn was cut: the whole text has the same', () => {
    const gpt2 = createTokenizer(stockEncoding('gpt2'));
    const turns = [human('Is it red?'), gpt('Yes')];
    const text = renderConversation(turns, { eos: '' });
    expect([...encodeConversation(gpt2, turns).tokens]).toEqual([...gpt2.encode(text), gpt2.eot]);
  });
});

describe('conversations that cannot be used', () => {
  it.each<[string, Turn[], RegExp]>([
    ['no turns', [], /ends with a gpt turn, got no turns/],
    ['a human last', [human('q')], /a human turn last/],
    ['gpt first', [gpt('a')], /Turn 1 of 1: expected a human turn/],
    ['two humans', [human('a'), human('b'), gpt('c')], /Turn 2 of 3: expected a gpt turn.*another human/],
    ['two gpts', [human('a'), gpt('b'), gpt('c')], /Turn 3 of 3: expected a human turn/],
    ['another role', [{ from: 'system' as never, value: 'x' }], /Turn 1 of 1.*got "system"/],
    ['no text', [{ from: 'human', value: undefined as never }, gpt('a')], /expected value to be a text, got undefined/],
    ['an empty answer', [human('q'), gpt(' \n')], /Turn 2 of 2: expected an answer/],
    ['an image in an answer', [human('q'), gpt('<image>ok')], /answer cannot hold/],
  ])('%s', (_, turns, message) => {
    const error = thrownBy(() => encodeConversation(tokenizer, turns, { patches: 1 }));
    expect(error.code).toBe('invalid-conversation');
    expect(error.message).toMatch(message);
  });

  it('marks that do not fit the images, patches unknown, templates unknown', () => {
    const turns = [human('<image> q'), gpt('a')];
    expect(thrownBy(() => encodeConversation(tokenizer, turns, { patches: 1, images: 2 })).message).toMatch(
      /images \(2\), got 1/,
    );
    expect(thrownBy(() => encodeConversation(tokenizer, turns)).message).toMatch(/patches.*got undefined/);
    expect(thrownBy(() => encodeConversation(tokenizer, turns, { template: 'alpaca' as never })).message).toMatch(
      /"alpaca".*pure, vicuna, chatml/,
    );
    expect(thrownBy(() => encodeConversation(tokenizer, turns, { patches: 1, system: 'x' })).message).toMatch(
      /pure has no place for a system message/,
    );
    expect(thrownBy(() => conversationPrompt(tokenizer, [human('q'), gpt('a')])).code).toBe('invalid-conversation');
    expect(thrownBy(() => conversationPrompt(tokenizer, [])).code).toBe('invalid-conversation');
    expect(thrownBy(() => answerTokens(tokenizer, ' ')).code).toBe('invalid-text');
    const plain = createTokenizer(trainBpe(sampleTexts(20), { vocabSize: 270 }));
    expect(thrownBy(() => encodeConversation(plain, [human('q'), gpt('a')], { template: 'chatml' })).code).toBe(
      'unknown-special',
    );
  });
});
