import { describe, expect, it } from 'vitest';
import { openLmKeeps, openLmRow, openLmToken, openLmTokens } from './openlm.ts';
import { goldenCases } from './testing/golden.ts';
import { TrainerError } from './trainer-error.ts';

interface ChunkInput {
  chunk: number[][];
  seq_len: number;
  target_mask_left: number | null;
  target_mask_individual: number | null;
  squash_mask_left: boolean;
  start_idx?: number;
}
type ChunkExpected = { inputs: number[][]; targets: number[][] } | { exception: unknown };

describe('rows as OpenLM cuts and masks them', () => {
  it.each(goldenCases<ChunkInput, ChunkExpected>('openlm_sample_chunk'))('$id $kind', ({ input, expected }) => {
    const options = {
      ...(input.target_mask_left === null ? {} : { left: input.target_mask_left }),
      ...(input.target_mask_individual === null ? {} : { each: input.target_mask_individual }),
      squash: input.squash_mask_left,
      start: input.start_idx ?? 0,
    };
    const rows = (): unknown => {
      const cut = input.chunk.map((row) => openLmRow(row, input.seq_len, options));
      return { inputs: cut.map(({ inputs }) => [...inputs]), targets: cut.map(({ targets }) => [...targets]) };
    };
    if ('exception' in expected) expect(rows).toThrow(TrainerError);
    else expect(rows()).toEqual(expected);
  });
});

describe('tokens as OpenLM reads them', () => {
  type Input = {
    token: unknown;
    text: string;
    tokens: unknown[];
    vocab_size: number;
    seq_len: number;
    sample_len: number;
  };
  type Expected = { token: number; tokens: number[]; keep: boolean; exception?: unknown };
  it.each(goldenCases<Input, Expected>('openlm_tokens'))('$id $kind', ({ kind, input, expected }) => {
    switch (kind) {
      case 'proc_token':
        expect(openLmToken(input.token, input.vocab_size)).toBe(expected.token);
        break;
      case 'preprocess_txt':
        if (expected.exception) expect(() => openLmTokens(input.text, input.vocab_size)).toThrow(TrainerError);
        else expect([...openLmTokens(input.text, input.vocab_size)]).toEqual(expected.tokens);
        break;
      case 'preprocess_json':
        // 2.0 is a float in Python and an integer in JavaScript: only the text tells them apart.
        expect([...openLmTokens(pythonJson(input.tokens, expected.tokens), input.vocab_size)]).toEqual(expected.tokens);
        break;
      case 'filter_lt_seqlen':
        expect(openLmKeeps(input.sample_len, input.seq_len)).toBe(expected.keep);
        break;
      default:
        throw new Error(`No test for golden cases of kind ${kind}`);
    }
  });
});

/** The list as text; a float that JSON.parse made an integer gets its point back (the only way it can be 0). */
function pythonJson(tokens: unknown[], expected: number[]): string {
  const literal = (token: unknown, i: number): string =>
    typeof token === 'number' && token > 0 && expected[i] === 0 ? `${token}.0` : JSON.stringify(token);
  return `[${tokens.map(literal).join(', ')}]`;
}
