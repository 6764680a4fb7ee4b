import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  answerEnd,
  answerTokens,
  captionPrompt,
  conversationPrompt,
  createEncoderPool,
  createTokenizer,
  encodeCaption,
  encodeConversation,
  encodeDocument,
  fromHuggingFace,
  parseTokenizer,
  SPECIAL_TOKENS,
  stockEncoding,
  stringifyTokenizer,
  type Turn,
  toHuggingFace,
  toTiktokenText,
  trainBpe,
} from './index.ts';
import { sampleTexts } from './testing/sample-text.ts';

/** The README holds the code between two marks of this file. */
function expectInReadme(mark: string): void {
  const own = readFileSync(import.meta.filename, 'utf8');
  const begin = `// #region ${mark}\n`;
  const code = own.slice(own.indexOf(begin) + begin.length, own.indexOf(`  // #endregion ${mark}\n`));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
}

it('trains, saves, loads and encodes as the README says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  const path = join(folder, 'tokenizer.json');
  const documents = sampleTexts(200);
  // #region train
  const data = trainBpe(documents, { vocabSize: 350 }); // special tokens 0…4, bytes 5…260, then merges
  await writeFile(path, stringifyTokenizer(data));

  const tokenizer = createTokenizer(parseTokenizer(await readFile(path, 'utf8')));
  const ids = tokenizer.encode('A red café 猫'); // Int32Array
  const text = tokenizer.decode(ids); // 'A red café 猫'
  const raw = tokenizer.decodeBytes(tokenizer.encodeBytes(Uint8Array.of(0xff, 0x00))); // any bytes come back
  // #endregion train
  expectInReadme('train');
  expect(text).toBe('A red café 猫');
  expect(raw).toEqual(Uint8Array.of(0xff, 0x00));
  // #region export
  await writeFile(path, JSON.stringify(toHuggingFace(data))); // Hugging Face's tokenizer.json
  await writeFile(path, toTiktokenText(data)); // tiktoken's "base64 rank" lines
  const gpt2 = createTokenizer(stockEncoding('gpt2')); // tiktoken's own, image tokens added behind 50256
  // #endregion export
  expectInReadme('export');
  expect(gpt2.special('<|image|>')).toBe(50258);
  rmSync(folder, { recursive: true });
});

it('encodes items as the README says', () => {
  const specialTokens = [...SPECIAL_TOKENS, '<|im_start|>', '<|im_end|>'];
  const tokenizer = createTokenizer(trainBpe(sampleTexts(200), { vocabSize: 350, specialTokens }));
  // #region items
  encodeDocument(tokenizer, 'A document.'); // A document.<|endoftext|>, loss everywhere
  encodeCaption(tokenizer, 'A red cat.', { patches: 16 }); // ⟨image⟩A red cat.<|endoftext|>, no loss on the image

  const turns: Turn[] = [
    { from: 'human', value: '<image>\nWhat is this?' },
    { from: 'gpt', value: 'A red cat.' },
  ];
  const { tokens, loss } = encodeConversation(tokenizer, turns, { patches: 16, images: 1 });
  // tokens  In:⟨image⟩\nWhat is this?\nOut: A red cat.<|endoftext|>
  // loss    0……………………………………………………1……………………………………
  // #endregion items
  expectInReadme('items');
  expect(tokenizer.decode(tokens.filter((_, i) => loss[i] === 1))).toBe(' A red cat.<|endoftext|>');

  // #region prompts
  const prompt = conversationPrompt(tokenizer, turns.slice(0, 1), { patches: 16 }); // <|endoftext|>In:⟨image⟩…\nOut:
  const yes = answerTokens(tokenizer, 'yes'); // ' yes': the tokens that follow such a prompt
  const stop = answerEnd(tokenizer); // generation stops at this id
  const caption = captionPrompt(tokenizer, { patches: 16 }); // <|endoftext|>⟨image⟩
  // #endregion prompts
  expectInReadme('prompts');
  expect([...prompt]).toEqual([stop, ...tokens.slice(0, prompt.length - 1)]);
  expect([tokenizer.decode(yes), caption.length]).toEqual([' yes', 19]);
});

it('reads a vocabulary of Hugging Face and encodes in threads as the README says', async () => {
  const path = new URL('../fixtures/tokenizer_neox.json', import.meta.url);
  // #region neox
  const neox = createTokenizer(fromHuggingFace(JSON.parse(await readFile(path, 'utf8')))); // GPT-NeoX, GPT-2, Qwen 2, …
  // #endregion neox
  expectInReadme('neox');
  expect(neox.decode(neox.encode('A red cat.'))).toBe('A red cat.');

  const { data } = neox;
  const documents = sampleTexts(2500);
  // #region pool
  const pool = createEncoderPool(data); // a thread per core; they do not keep the process alive
  const batch: Int32Array[] = await pool.encodeBatch(documents); // in order
  await pool.dispose();
  // #endregion pool
  expectInReadme('pool');
  expect(batch.at(-1)).toEqual(neox.encode(documents.at(-1)!));
});
