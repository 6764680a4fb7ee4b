import { describe, expect, it } from 'vitest';
import { createBatches, type TrainingBatch } from './packing.ts';
import { arraySource, collect, namedSource } from './sources.ts';
import { goldenCases } from './testing/golden.ts';

const EOT = 0;
const MASKED = -100;

const pack = async (
  documents: { tokens: number[]; loss: number[] }[],
  length: number,
  padToken: number,
): Promise<TrainingBatch[]> => {
  const items = documents.map(({ tokens, loss }, i) => ({
    id: String(i),
    tokens: Int32Array.from(tokens),
    loss: Uint8Array.from(loss),
  }));
  const open = namedSource('text', arraySource(items));
  return collect(await createBatches({ open, packing: 'chunks', batch: 1, length, features: 0, sizes: [0], padToken }));
};

describe('chunks as OpenLM’s tokenisation cuts them', () => {
  const cases = goldenCases<
    { documents: number[][]; seqlen: number; vocab_size: number; key: string },
    { chunks: number[][] }
  >('openlm_packing')
    // A row needs an input and a target; and a file type that their reader ignores says nothing about packing.
    .filter(({ input }) => input.seqlen > 1 && !input.key.endsWith('.txt'));

  it.each(cases)('$id $kind', async ({ input, expected }) => {
    const padToken = input.vocab_size + 2; // −1 mod (vocabulary + 3 specials)
    const documents = input.documents
      .map((document) => [...document, EOT])
      .map((tokens) => ({ tokens, loss: tokens.map(() => 1) }));
    const rows = await pack(documents, input.seqlen - 1, padToken);
    expect(rows.map(({ batch }) => [...batch.tokens_BT, batch.targets_BT.at(-1)])).toEqual(expected.chunks);
    for (const { batch } of rows) {
      expect([...batch.weights_BT]).toEqual([...batch.targets_BT].map((token) => (token === padToken ? 0 : 1)));
    }
  });
});

describe('inputs and targets of one chunk as OpenLM splits and masks them', () => {
  const cases = goldenCases<
    { chunk: number[][]; seq_len: number; target_mask_individual: number | null },
    { inputs: number[][]; targets: number[][] }
  >('openlm_sample_chunk').filter(({ kind }) => ['plain', 'individual'].includes(kind));

  it.each(cases)('$id $kind', async ({ input, expected }) => {
    for (const [row, tokens] of input.chunk.entries()) {
      const loss = tokens.map((token) => (token === input.target_mask_individual ? 0 : 1));
      const [first, ...more] = await pack([{ tokens, loss }], input.seq_len, 7);
      expect(more).toEqual([]);
      const { tokens_BT, targets_BT, weights_BT } = first!.batch;
      expect([...tokens_BT]).toEqual(expected.inputs[row]);
      expect([...targets_BT].map((token, i) => (weights_BT[i] ? token : MASKED))).toEqual(expected.targets[row]);
    }
  });
});
