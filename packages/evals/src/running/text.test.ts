import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guesser, makeTextItems } from '../testing/models.ts';
import type { EvalModel, TextDocument } from '../types.ts';
import { piecesOf, runBitsPerByte } from './run-bits-per-byte.ts';
import { runMultipleChoice } from './run-multiple-choice.ts';

const fixed = (logProb: (continuation: string, prompt: string) => number): EvalModel => ({
  generate: async () => [],
  logLikelihood: async (requests) =>
    requests.map(({ prompt, continuation }) => ({
      logProb: logProb(continuation, prompt.text),
      tokens: 1,
      bytes: Buffer.byteLength(continuation),
    })),
});

describe('runMultipleChoice', () => {
  it('gives an oracle 1 and a guesser a quarter', async () => {
    const items = makeTextItems(2000);
    const right = new Map(items.map((item) => [item.context, item.choices[item.answer]]));
    const oracle = fixed((continuation, prompt) => (right.get(prompt) === continuation ? -1 : -2));
    const rows = await runMultipleChoice(oracle, items);
    expect(rows.every((row) => row.score === 1 && row.margin === 1 && row.chance === 0.25)).toBe(true);
    const guessed = await runMultipleChoice(
      guesser('text', () => ''),
      items,
      { batchSize: 7 },
    );
    const accuracy = guessed.reduce((sum, row) => sum + row.score, 0) / guessed.length;
    expect(Math.abs(accuracy - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 2000));
  });

  it('lets the sum decide, the first of equals; per character beside it', async () => {
    const item = { id: 'a', task: 't', context: 'It is', choices: [' a boat', ' a b'], answer: 0 };
    const [row] = await runMultipleChoice(
      fixed((continuation) => (continuation === ' a boat' ? -5 : -3.5)),
      [item],
    );
    expect(row).toMatchObject({ output: ' a b', score: 0, margin: -1.5, scores: { accNorm: 1 } }); // −5/6 > −3.5/3
    const [tie] = await runMultipleChoice(
      fixed(() => -1),
      [item],
    );
    expect(tie).toMatchObject({ score: 1, margin: 0 });
  });

  it.each([
    ['one choice', { choices: [' a'] }],
    ['an empty choice', { choices: [' a', ''] }],
    ['an answer outside', { answer: 4 }],
    ['a fractional answer', { answer: 0.5 }],
  ])('refuses %s', async (_, over) => {
    const [item] = makeTextItems(1);
    await expect(
      runMultipleChoice(
        fixed(() => -1),
        [{ ...item!, ...over }],
      ),
    ).rejects.toMatchObject({
      code: 'INVALID_ITEM',
    });
  });
});

describe('runBitsPerByte', () => {
  const documents: TextDocument[] = [
    { id: 'a', task: 'bits-per-byte', text: 'Call me Ishmael. Some years ago, never mind how long.', source: 'novel' },
    { id: 'b', task: 'bits-per-byte', text: 'Łódź', source: 'place' },
  ];

  it('is 8 for a model that knows nothing of bytes, whatever the pieces and batches', async () => {
    const uniform = fixed((continuation) => -Buffer.byteLength(continuation) * Math.log(256));
    for (const options of [{}, { pieceBytes: 16, batchSize: 1 }, { pieceBytes: 20, contextBytes: 0 }]) {
      const rows = await runBitsPerByte(uniform, documents, options);
      expect(rows.map(({ id, type }) => [id, type])).toEqual([
        ['a', 'novel'],
        ['b', 'place'],
      ]);
      for (const row of rows) expect(row.score).toBeCloseTo(8, 12);
      expect(rows.map(({ weight }) => weight)).toEqual([53, 7]);
    }
  });

  it('tells how many documents are done, though the longest pieces are asked first', async () => {
    const told: number[] = [];
    const said: string[] = [];
    const model = fixed((continuation) => {
      said.push(continuation);
      return -1;
    });
    const [long, short] = documents as [TextDocument, TextDocument];
    await runBitsPerByte(model, [short, long], {
      pieceBytes: 30,
      contextBytes: 0,
      batchSize: 1,
      onProgress: ({ done }) => told.push(done),
    });
    expect(said.map((piece) => long.text.includes(piece))).toEqual([true, true, false]);
    expect(told).toEqual([0, 1, 2]);
  });

  it('refuses continuations that were cut, empty documents and tiny pieces', async () => {
    const cut: EvalModel = {
      generate: async () => [],
      logLikelihood: async (requests) => requests.map(() => ({ logProb: -1, tokens: 1, bytes: 3 })),
    };
    await expect(runBitsPerByte(cut, documents)).rejects.toMatchObject({ code: 'BAD_MODEL_OUTPUT' });
    await expect(runBitsPerByte(cut, [{ ...documents[0]!, text: '' }])).rejects.toMatchObject({ code: 'INVALID_ITEM' });
    await expect(runBitsPerByte(cut, [])).rejects.toMatchObject({ code: 'EMPTY_SET' });
    await expect(runBitsPerByte(cut, documents, { pieceBytes: 2 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('cuts so that the pieces give the text back, none too long, each after its own past', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
        fc.integer({ min: 16, max: 60 }),
        (text, bytes) => {
          const pieces = piecesOf(text, bytes, bytes);
          expect(pieces.map((piece) => piece.text).join('')).toBe(text);
          let past = '';
          for (const piece of pieces) {
            expect(Buffer.byteLength(piece.text)).toBeLessThanOrEqual(bytes);
            expect(Buffer.byteLength(piece.before)).toBeLessThanOrEqual(bytes);
            expect(past.endsWith(piece.before)).toBe(true);
            past += piece.text;
          }
        },
      ),
    );
  });
});
