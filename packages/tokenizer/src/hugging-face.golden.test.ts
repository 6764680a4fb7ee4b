import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTokenizer, type Tokenizer } from './create-tokenizer.ts';
import { fromHuggingFace } from './from-hugging-face.ts';
import { toHuggingFace } from './to-hugging-face.ts';
import { parseTokenizer, stringifyTokenizer } from './tokenizer-data.ts';

interface Case {
  id: string;
  input: { file: string; text: string };
  expected: { ids: number[] };
}

/** From GOLDEN_DIR, where set and there, else from the fixtures. */
function golden(name: string): unknown {
  const own = process.env['GOLDEN_DIR'] ? join(process.env['GOLDEN_DIR'], name) : '';
  return JSON.parse(
    readFileSync(own && existsSync(own) ? own : new URL(`../fixtures/${name}`, import.meta.url), 'utf8'),
  );
}

const { cases } = golden('hugging_face_ids.json') as { cases: Case[] };
const tokenizers = new Map<string, Tokenizer>();
for (const { input } of cases)
  if (!tokenizers.has(input.file)) tokenizers.set(input.file, createTokenizer(fromHuggingFace(golden(input.file))));

describe("vocabularies of Hugging Face's library give its ids", () => {
  it.each(cases)('$id', ({ input, expected }) => {
    const tokenizer = tokenizers.get(input.file)!;
    expect([...tokenizer.encode(input.text)]).toEqual(expected.ids);
    const normal = input.text.normalize(tokenizer.data.normalizer ?? 'NFC');
    expect(tokenizer.decode(expected.ids)).toBe(tokenizer.data.normalizer ? normal : input.text);
  });

  it.each([...tokenizers.entries()])('%s survives saving', (_, { data }) => {
    expect(fromHuggingFace(JSON.parse(JSON.stringify(toHuggingFace(data))))).toEqual(data);
    expect(parseTokenizer(stringifyTokenizer(data))).toEqual(data);
  });

  it("has GPT-NeoX's layout in one of them", () => {
    const { data, eot } = tokenizers.get('tokenizer_neox.json')!;
    expect(data).toMatchObject({ normalizer: 'NFC', specials: { '<|endoftext|>': 0, '<|padding|>': 1 } });
    expect(Object.keys(data.added!)).toHaveLength(23);
    expect(eot).toBe(0);
  });
});
