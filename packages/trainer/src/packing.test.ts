import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenAccounting } from './accounting.ts';
import { patchSizes, variantSignatures } from './batch.ts';
import { type BatchesOptions, countBatches, createBatches, type Packing, type TrainingBatch } from './packing.ts';
import { arraySource, collect } from './sources.ts';
import type { OpenSource, SourcedItem } from './training-item.ts';

const PAD = 99;
const IMAGE = 50;
const FEATURES = 2;

/** Text tokens are their own ids; the patches of a picture hold (picture, patch). */
function item(
  id: number,
  tokens: number[],
  loss: number[] = tokens.map((t) => (t === IMAGE ? 0 : 1)),
): SourcedItem['item'] {
  const patches = tokens.filter((t) => t === IMAGE).flatMap((_, n) => [id, n]);
  return {
    id: `item-${id}`,
    tokens: Int32Array.from(tokens),
    loss: Uint8Array.from(loss),
    ...(patches.length > 0 ? { patches: Float32Array.from(patches) } : {}),
  };
}

const itemsArbitrary = fc
  .array(
    fc.record({
      source: fc.constantFrom('text', 'captions'),
      tokens: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(IMAGE)), { minLength: 1, maxLength: 14 }),
      prompt: fc.nat(6),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((rows) =>
    rows.map(({ source, tokens, prompt }, i) => ({
      source,
      item: item(
        i,
        tokens,
        tokens.map((t, at) => (t === IMAGE || at < prompt ? 0 : 1)),
      ),
    })),
  );

const optionsArbitrary = fc.record({
  packing: fc.constantFrom<Packing>('chunks', 'no-split', 'whole-images', 'one-item-per-row'),
  batch: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 11 }),
  overlong: fc.constantFrom<'truncate' | 'skip'>('truncate', 'skip'),
});

function batchesOptions(
  items: SourcedItem[],
  options: { packing: Packing; batch: number; length: number; overlong?: 'truncate' | 'skip' | 'error' },
  open: OpenSource<SourcedItem> = arraySource(items),
): BatchesOptions {
  const sizes = patchSizes({ ...options, imageTokens: 2 });
  return { open, ...options, features: FEATURES, sizes, imageToken: IMAGE, padToken: PAD };
}

const tokensPlaced = (accounting: TokenAccounting): number =>
  Object.values(accounting.sources).reduce((sum, s) => sum + s.loss + s.context + s.firstOfRow, 0);

describe('laws', () => {
  it('pieces tell of every token of a batch which item and source it came from', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const byId = new Map(items.map((sourced) => [sourced.item.id, sourced]));
        for (const { batch, pieces } of await collect(await createBatches(batchesOptions(items, options)))) {
          const { tokens_BT, targets_BT } = batch;
          const rows = Array.from({ length: options.batch }, (_, row) => {
            const at = row * options.length;
            return [tokens_BT[at], ...targets_BT.subarray(at, at + options.length)];
          });
          for (const { row, at, source, id, from, to } of pieces) {
            const sourced = byId.get(id)!;
            expect(source).toBe(sourced.source);
            expect(rows[row]!.splice(at, to - from, ...Array(to - from).fill(PAD))).toEqual([
              ...sourced.item.tokens.subarray(from, to),
            ]);
          }
          expect(rows.flat().every((token) => token === PAD)).toBe(true);
        }
      }),
    );
  });

  it('every token that was read is in exactly one place, after every batch and for every source', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const read: Record<string, number> = {};
        const open: OpenSource<SourcedItem> = async (state) => {
          const inner = await arraySource(items)(state);
          const next = async () => {
            const result = await inner.next();
            if (!result.done)
              read[result.value.source] = (read[result.value.source] ?? 0) + result.value.item.tokens.length;
            return result;
          };
          return { ...inner, next };
        };
        const batches = await createBatches(batchesOptions(items, options, open));
        let tokens = 0;
        let lossTokens = 0;
        for (;;) {
          const { done, value } = await batches.next();
          const accounting = batches.accounting();
          let total = 0;
          for (const [source, s] of Object.entries(accounting.sources)) {
            const sum = s.loss + s.context + s.firstOfRow + s.truncated + s.skipped;
            total += sum;
            expect(sum).toBeLessThanOrEqual(read[source]!);
          }
          expect(total + batches.buffered()).toBe(Object.values(read).reduce((a, b) => a + b, 0));
          expect(tokensPlaced(accounting) + accounting.padding).toBe(accounting.rows * (options.length + 1));
          if (done) break;
          tokens += value.tokens;
          lossTokens += value.lossTokens;
          expect(value.lossTokens).toBe(value.batch.weights_BT.reduce((a, b) => a + b, 0));
        }
        expect(batches.buffered()).toBe(0);
        const sources = Object.values(batches.accounting().sources);
        expect(tokens).toBe(sources.reduce((sum, s) => sum + s.loss + s.context, 0));
        expect(lossTokens).toBe(sources.reduce((sum, s) => sum + s.loss, 0));
        expect(sources.reduce((sum, s) => sum + s.items, 0)).toBe(items.length);
      }),
      { numRuns: 150 },
    );
  });

  it('stopped after any batch and reopened from the JSON of its state, it gives the same batches and the same account', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const whole = await createBatches(batchesOptions(items, options));
        const states = [JSON.stringify(whole.state())];
        const all: TrainingBatch[] = [];
        for (;;) {
          const { done, value } = await whole.next();
          if (done) break;
          all.push(value);
          states.push(JSON.stringify(whole.state()));
        }
        for (const [cut, state] of states.entries()) {
          const resumed = await createBatches({ ...batchesOptions(items, options), state: JSON.parse(state) });
          expect(await collect(resumed)).toEqual(all.slice(cut));
          expect(resumed.accounting()).toEqual(whole.accounting());
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a slot is set exactly where an image placeholder is an input, and names its own patch', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const shown: string[] = [];
        for (const { batch, variant } of await collect(await createBatches(batchesOptions(items, options)))) {
          const { tokens_BT, slots_BT, patches_NF } = batch;
          const slots = [...slots_BT].filter((slot) => slot > 0);
          expect([...slots_BT].map((slot) => slot > 0)).toEqual([...tokens_BT].map((token) => token === IMAGE));
          expect(new Set(slots).size).toBe(slots.length);
          expect(variant).toBe(patches_NF.length === 0 ? 'text' : `patches-${patches_NF.length / FEATURES}`);
          for (const slot of slots) shown.push(patches_NF.slice((slot - 1) * FEATURES, slot * FEATURES).join());
          expect(patches_NF.slice(slots.length * FEATURES).every((value) => value === 0)).toBe(true);
        }
        expect(new Set(shown).size).toBe(shown.length);
        if (options.packing === 'chunks') {
          // Only a placeholder that is the last token of its row is a target and never an input.
          const flat = items.flatMap(({ item: { tokens } }) => [...tokens]);
          const inputs = flat.filter(
            (token, at) => token === IMAGE && at % (options.length + 1) < options.length,
          ).length;
          expect(shown.length).toBe(inputs);
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('chunks', () => {
  it('carries the rest of an item, and of its picture, into the next row', async () => {
    const items = [
      { source: 'a', item: item(7, [0, IMAGE, IMAGE, IMAGE, IMAGE, 5, 6]) },
      { source: 'a', item: item(8, [0, 9]) },
    ];
    const [only] = await collect(
      await createBatches(batchesOptions(items, { packing: 'chunks', batch: 3, length: 2 })),
    );
    const { tokens_BT, targets_BT, weights_BT, slots_BT, patches_NF } = only!.batch;
    expect([...tokens_BT]).toEqual([0, IMAGE, IMAGE, IMAGE, 6, 0]);
    expect([...targets_BT]).toEqual([IMAGE, IMAGE, IMAGE, 5, 0, 9]);
    expect([...weights_BT]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...slots_BT]).toEqual([0, 1, 2, 3, 0, 0]);
    // Patch 1 is the last token of the first row: a target, never an input.
    expect([...patches_NF.slice(0, 6)]).toEqual([7, 0, 7, 2, 7, 3]);
  });
});

describe('a long document', () => {
  const tokens = Int32Array.from({ length: 1_000_000 }, (_, i) => (i % 10 === 9 ? IMAGE : i % 10));
  const loss = new Uint8Array(tokens.length).fill(1);
  const patches = Float32Array.from({ length: tokens.length / 10 }, (_, n) => n);
  const text = { source: 'a', item: { id: 'text', tokens: tokens.map((token) => token % IMAGE), loss } };
  const shown = { source: 'a', item: { id: 'shown', tokens, loss, patches } };

  it.each([
    ['of text', text],
    ['with pictures', shown],
  ])('%s is cut into rows in a time that grows with its length alone', { timeout: 15_000 }, async (_, sourced) => {
    const shape = { batch: 50, length: 9, features: 1, sizes: [0, 450], imageToken: IMAGE, padToken: PAD };
    const batches = await createBatches({ ...shape, packing: 'chunks', open: arraySource([sourced]) });
    await collect(batches);
    expect(batches.accounting()).toMatchObject({ batches: 2000, sources: { a: { items: 1, firstOfRow: 100_000 } } });
  });
});

describe('items', () => {
  it('names the item of each target, so that the token ending one item begins the next', async () => {
    const items = [
      [1, 2, 0],
      [3, 4, 0],
      [5, 0],
    ].map((tokens, i) => ({ source: 'a', item: item(i, tokens) }));
    const [only] = await collect(
      await createBatches({ ...batchesOptions(items, { packing: 'no-split', batch: 2, length: 6 }), items: true }),
    );
    expect([...only!.batch.tokens_BT]).toEqual([1, 2, 0, 3, 4, 0, 5, 0, PAD, PAD, PAD, PAD]);
    expect([...(only!.inputs['items_BT'] as Int32Array)]).toEqual([1, 1, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('are left out of what the step is given unless asked for', async () => {
    const items = [{ source: 'a', item: item(0, [1, 2, 0]) }];
    const [only] = await collect(
      await createBatches(batchesOptions(items, { packing: 'chunks', batch: 1, length: 2 })),
    );
    expect(only!.inputs).not.toHaveProperty('items_BT');
  });
});

describe('no-split', () => {
  it('puts an item where it first fits and opens a new batch when it fits nowhere', async () => {
    const items = [[1, 1, 1], [2, 2, 2, 2], [3], [4, 4], [5]].map((tokens, i) => ({
      source: 'a',
      item: item(i, tokens),
    }));
    const rows = await collect(
      await createBatches(batchesOptions(items, { packing: 'no-split', batch: 2, length: 4 })),
    );
    expect(rows.map(({ batch }) => [...batch.tokens_BT])).toEqual([
      [1, 1, 1, 3, 2, 2, 2, 2],
      [4, 4, 5, PAD, PAD, PAD, PAD, PAD],
    ]);
  });

  it('keeps a picture with its question, and closes a batch that has no room for more patches', async () => {
    const items = [0, 1, 2].map((i) => ({ source: 'a', item: item(i, [0, IMAGE, IMAGE, i]) }));
    const options = { ...batchesOptions(items, { packing: 'no-split', batch: 3, length: 5 }), sizes: [0, 4] };
    const rows = await collect(await createBatches(options));
    expect(rows.map(({ variant, batch }) => [variant, [...batch.slots_BT].filter((s) => s > 0)])).toEqual([
      ['patches-4', [1, 2, 3, 4]],
      ['patches-4', [1, 2]],
    ]);
  });
});

describe('whole-images', () => {
  it('keeps pictures whole and lets text fill what they leave, into the next batch', async () => {
    const items = [[1, 1, 1], [0, IMAGE, IMAGE, 9], [2, 2, 2, 2, 2, 2], [3]].map((tokens, i) => ({
      source: 'a',
      item: item(i, tokens),
    }));
    const rows = await collect(
      await createBatches(batchesOptions(items, { packing: 'whole-images', batch: 2, length: 4 })),
    );
    expect(rows.map(({ batch, tokens }) => [[...batch.tokens_BT], [...batch.targets_BT], tokens])).toEqual([
      [[1, 1, 1, 2, 0, IMAGE, IMAGE, 9], [1, 1, 2, 2, IMAGE, IMAGE, 9, 2], 8],
      [[2, 2, 2, 3, PAD, PAD, PAD, PAD], [2, 2, 3, PAD, PAD, PAD, PAD, PAD], 3],
    ]);
  });

  it('never parts a picture from the rest of its item', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const batches = await createBatches(batchesOptions(items, { ...options, packing: 'whole-images' }));
        const all = await collect(batches);
        const rows = all.flatMap(({ batch: { tokens_BT, targets_BT } }) =>
          Array.from({ length: options.batch }, (_, row) => {
            const end = (row + 1) * options.length;
            return `,${[...tokens_BT.slice(end - options.length, end), targets_BT[end - 1]].join()},`;
          }),
        );
        for (const { item: one } of items) {
          const fits = one.tokens.length <= options.length + 1;
          if (one.patches && fits) expect(rows.some((row) => row.includes(`,${one.tokens.join()},`))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('one item per row', () => {
  const items = [
    [1, 2, 3, 4, 5, 6],
    [7, 8],
  ].map((tokens, i) => ({ source: 'a', item: item(i, tokens) }));
  it('cuts and counts what is too long, if asked to', async () => {
    const options = batchesOptions(items, { packing: 'one-item-per-row', batch: 2, length: 3, overlong: 'truncate' });
    const [only] = await collect(await createBatches(options));
    expect([...only!.batch.tokens_BT]).toEqual([1, 2, 3, 7, 8, PAD]);
    expect([...only!.batch.weights_BT]).toEqual([1, 1, 1, 1, 0, 0]);
    expect((await countBatches(options)).sources['a']).toMatchObject({
      items: 2,
      truncated: 2,
      itemsWithoutLoss: 0,
      firstOfRow: 2,
    });
  });

  it('counts items of which the cut leaves no token with loss', async () => {
    const long = [{ source: 'a', item: item(0, [1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 1, 1]) }];
    const counted = await countBatches(
      batchesOptions(long, { packing: 'no-split', batch: 1, length: 3, overlong: 'truncate' }),
    );
    expect(counted.sources['a']).toMatchObject({ truncated: 2, itemsWithoutLoss: 1 });
  });

  it.each([
    ['at its end', 'skip'],
    ['after an error', 'error'],
  ] as const)('counting closes the source %s', async (_, overlong) => {
    let closed = 0;
    const open: OpenSource<SourcedItem> = async (state) => ({
      ...(await arraySource(items)(state)),
      return: async () => ++closed,
    });
    const counting = countBatches(
      batchesOptions(items, { packing: 'one-item-per-row', batch: 2, length: 3, overlong }, open),
    );
    await (overlong === 'error' ? expect(counting).rejects.toThrow('at most 4 tokens') : counting);
    expect(closed).toBe(1);
  });

  it('leaves out and counts, if asked to', async () => {
    const options = batchesOptions(items, { packing: 'one-item-per-row', batch: 2, length: 3, overlong: 'skip' });
    expect((await countBatches(options)).sources['a']).toMatchObject({ items: 2, skipped: 6, loss: 1 });
  });

  it('is an error otherwise', async () => {
    const batches = await createBatches(batchesOptions(items, { packing: 'one-item-per-row', batch: 2, length: 3 }));
    await expect(batches.next()).rejects.toThrow(
      /at most 4 tokens \(length \+ 1\), got 6, in item "item-0" of source "a"/,
    );
  });
});

describe('what does not belong together is refused', () => {
  const options = (bad: SourcedItem['item'], more: Partial<BatchesOptions> = {}): BatchesOptions => ({
    ...batchesOptions([{ source: 's', item: bad }], { packing: 'chunks', batch: 1, length: 4 }),
    ...more,
  });
  const next = async (o: BatchesOptions): Promise<unknown> => (await createBatches(o)).next();

  it.each([
    ['no tokens', options(item(0, [])), /at least one token, got none/],
    ['flags missing', options(item(0, [1, 2], [1])), /expected 2 loss flags, one per token, got 1/],
    [
      'patches missing',
      options({ ...item(0, [IMAGE, 1]), patches: new Float32Array(1) }),
      /1 placeholders × 2 features = 2 patch values, got 1/,
    ],
    [
      'patches without placeholders',
      options({ ...item(0, [1]), patches: new Float32Array(4) }),
      /0 placeholders .* got 4/,
    ],
    [
      'sizes too small',
      options(item(0, [IMAGE, IMAGE, 1, 1, 1]), { sizes: [0, 1] }),
      /shows 2 patches, but the greatest of its sizes is 1/,
    ],
    [
      'no-split and sizes too small',
      options(item(0, [IMAGE, IMAGE, 1]), { sizes: [0, 1], packing: 'no-split' }),
      /item-0.* shows 2 patches/,
    ],
    [
      'no placeholder id',
      { ...options(item(0, [1])), imageToken: undefined } as unknown as BatchesOptions,
      /give imageToken/,
    ],
    [
      'a packing that does not exist',
      options(item(0, [1]), { packing: 'chunk' as Packing }),
      /one of chunks, no-split, whole-images, one-item-per-row, got "chunk"/,
    ],
    [
      'an overlong that does not exist',
      options(item(0, [1]), { overlong: 'drop' as never }),
      /overlong to be one of truncate, skip, error, got "drop"/,
    ],
    [
      'no padding',
      options(item(0, [1]), { padToken: undefined as never }),
      /padToken to be an integer .* got undefined/,
    ],
    ['a fractional placeholder', options(item(0, [1]), { imageToken: 0.5 }), /imageToken to be an integer .* got 0.5/],
    [
      'placeholders for a model of text',
      options({ ...item(0, [1]), tokens: Int32Array.of(IMAGE) }, { features: 0, sizes: [0] }),
      /expected text alone \(features is 0\), got 1 image placeholders, in item "item-0"/,
    ],
    ['a negative token', options(item(0, [3, -1])), /tokens to be ids from 0, got -1, in item "item-0"/],
    [
      'tokens in a list',
      options({ ...item(0, [1]), tokens: [1.5] as never }),
      /tokens to be of Int32Array, got Array, in item "item-0"/,
    ],
    [
      'no loss flags',
      options({ ...item(0, [1]), loss: undefined as never }),
      /loss to be of Uint8Array, got undefined/,
    ],
    [
      'patches in a list',
      options({ ...item(0, [IMAGE]), patches: [1, 2] as never }),
      /patches to be of Float32Array, got Array/,
    ],
    ['no rows', options(item(0, [1]), { batch: 0 }), /batch to be an integer of at least 1, got 0/],
    ['sizes in disorder', options(item(0, [1]), { sizes: [4, 0] }), /ascending integers .* got \[4, 0\]/],
    ['a state of another version', options(item(0, [1]), { state: { version: 2 } as never }), /version 1, got 2/],
    [
      'a state beyond the item',
      options(item(0, [1]), { state: stateAt(1) }),
      /stands at token 1 of item "item-0", which has 1/,
    ],
    ['an offset that is none', options(item(0, [1]), { state: stateAt(-1) }), /an offset .* got -1/],
    [
      'a state without its account',
      options(item(0, [1]), { state: { ...stateAt(0), accounting: undefined } }),
      /counts from 0, got undefined as accounting/,
    ],
    [
      'a state whose account of a source is no number',
      options(item(0, [1]), {
        state: { ...stateAt(0), accounting: { ...stateAt(0).accounting, sources: { s: { items: 1 } } } },
      }),
      /got undefined as accounting of source "s", loss/,
    ],
    ...(['no-split', 'one-item-per-row', 'whole-images'] as const).map((packing): [string, BatchesOptions, RegExp] => [
      `a state in the middle of an item, for ${packing}`,
      options(item(0, [IMAGE, 1, 2]), { packing, state: stateAt(2) }),
      /stands at token 2 of item "item-0", but .* keeps it whole/,
    ]),
    [
      'a state beyond the data',
      options(item(0, [1]), { state: { ...stateAt(1), source: { index: 1 } } }),
      /the source has none left/,
    ],
  ])('%s', async (_, bad, message) => {
    await expect(next(bad)).rejects.toThrow(message);
  });
});

const stateAt = (offset: number) => ({
  version: 1 as const,
  source: { index: 0 },
  offset,
  accounting: { batches: 0, rows: 0, padding: 0, sources: {} },
});

describe('a step that fails, and calls made at once', () => {
  const three = [0, 1, 2].map((id) => ({ source: 's', item: item(id, [1, 2, 3]) }));
  const idsOf = (batches: readonly TrainingBatch[]): string[] =>
    batches.flatMap(({ pieces }) => pieces.map(({ id }) => id));

  it('state and account stay before a failed batch; opened anew from there, nothing is lost', async () => {
    let isBroken = true;
    const open: OpenSource<SourcedItem> = async (state) => {
      const items = await arraySource(three)(state);
      const next = async () => {
        const result = await items.next();
        if (isBroken && result.value?.item.id === 'item-1') throw new Error('EIO');
        return result;
      };
      return { ...items, next };
    };
    const options = batchesOptions(three, { packing: 'no-split', batch: 1, length: 6 }, open);
    const batches = await createBatches(options);
    const before = JSON.stringify([batches.state(), batches.accounting()]);
    await expect(batches.next()).rejects.toThrow('EIO');
    isBroken = false;
    await expect(batches.next()).rejects.toThrow('EIO');
    expect(JSON.stringify([batches.state(), batches.accounting()])).toBe(before);
    expect(batches.buffered()).toBe(0);
    await batches.return?.();
    const again = await createBatches({ ...options, state: batches.state() });
    expect(idsOf(await collect(again))).toEqual(['item-0', 'item-1', 'item-2']);
    expect(tokensPlaced(again.accounting())).toBe(9);
  });

  it('calls made at once give what calls one after another give', async () => {
    const options = batchesOptions(three, { packing: 'chunks', batch: 1, length: 3 });
    const expected = await collect(await createBatches(options));
    const batches = await createBatches(options);
    const results = await Promise.all([0, 1, 2, 3, 4].map(() => batches.next()));
    expect(results.flatMap(({ value }) => (value ? [value] : []))).toEqual(expected);
    expect(results.map(({ done }) => done)).toEqual([false, false, false, true, true]);
  });

  it('after return the stream is done', async () => {
    const batches = await createBatches(batchesOptions(three, { packing: 'chunks', batch: 1, length: 3 }));
    await batches.return?.();
    expect(await batches.next()).toEqual({ done: true, value: undefined });
  });
});

describe('variants', () => {
  it('are the sizes, rounded up to whole images', () => {
    expect(patchSizes({ batch: 16, length: 128, imageTokens: 16 })).toEqual([0, 512, 1024, 2048]);
    expect(patchSizes({ batch: 1, length: 10, imageTokens: 4 })).toEqual([0, 4, 8, 10]);
    expect(patchSizes({ batch: 16, length: 128, imageTokens: 0 })).toEqual([0]);
  });

  it('have one signature each', () => {
    const signatures = variantSignatures({ batch: 2, length: 3, features: 5, sizes: [0, 4] });
    expect(Object.keys(signatures)).toEqual(['text', 'patches-4']);
    expect(Object.keys(signatures['text']!)).toEqual(['tokens_BT', 'targets_BT', 'weights_BT']);
    expect(signatures['patches-4']!['patches_NF']).toEqual({ shape: [4, 5], dtype: 'float32' });
    expect(signatures['patches-4']!['slots_BT']).toEqual({ shape: [2, 3], dtype: 'int32' });
    const pictures = variantSignatures({ batch: 2, length: 3, features: 12, sizes: [0, 4], cellsPerImage: 4 });
    expect(Object.keys(pictures['patches-4']!)).not.toContain('patches_NF');
    expect(pictures['patches-4']!['images_MSS3']).toEqual({ shape: [1, 2, 2, 3], dtype: 'float32' });
  });
});

describe('whole pictures in place of patches', () => {
  const cells = 2;
  const pixels = 2 * 2 * 3;
  /** Each placeholder of `item` becomes the cells of one picture, whose pixels are (picture, pixel). */
  const pictured = ({ source, item: { id, tokens, loss } }: SourcedItem, width: number): SourcedItem => {
    const repeated = [...tokens].flatMap((token, i) =>
      Array.from({ length: token === IMAGE ? cells : 1 }, () => [token, loss[i]!] as const),
    );
    const pictures = tokens.filter((token) => token === IMAGE).length;
    const rows = width === pixels ? pictures : pictures * cells;
    const number = Number(id.slice('item-'.length));
    const patches = Float32Array.from({ length: rows * width }, (_, i) => 100 * number + Math.floor(i / width));
    return {
      source,
      item: {
        id,
        tokens: Int32Array.from(repeated.map(([token]) => token)),
        loss: Uint8Array.from(repeated.map(([, carries]) => carries)),
        ...(rows > 0 ? { patches } : {}),
      },
    };
  };

  it('are laid where their patches would be, and every slot shows the picture and cell that its place in the item has', async () => {
    await fc.assert(
      fc.asyncProperty(itemsArbitrary, optionsArbitrary, async (items, options) => {
        const { packing } = options;
        const sizes = patchSizes({ ...options, imageTokens: cells, wholeImages: packing === 'chunks' ? 'cut' : true });
        const common = { ...options, sizes, imageToken: IMAGE, padToken: PAD };
        const open = (width: number) => arraySource(items.map((sourced) => pictured(sourced, width)));
        const withPatches = await collect(
          await createBatches({ ...common, features: FEATURES, open: open(FEATURES), sizes: [0, 99] }),
        );
        const withPictures = await collect(
          await createBatches({ ...common, features: pixels, cellsPerImage: cells, open: open(pixels) }),
        );
        expect(withPictures.map(({ pieces }) => pieces)).toEqual(withPatches.map(({ pieces }) => pieces));
        for (const [i, { variant, batch, inputs }] of withPictures.entries()) {
          const patched = withPatches[i]!.batch;
          expect(batch.tokens_BT).toEqual(patched.tokens_BT);
          expect(Object.hasOwn(inputs, 'images_MSS3')).toBe(variant !== 'text');
          for (const [at, slot] of batch.slots_BT.entries()) {
            const other = patched.slots_BT[at]!;
            expect(slot === 0).toBe(other === 0);
            if (slot === 0) continue;
            // A patch's value is its item and its ordinal there; of a picture, its item and the picture's ordinal.
            const ordinal = patched.patches_NF[(other - 1) * FEATURES]!;
            const item = 100 * Math.floor(ordinal / 100);
            const [picture, cell] = [Math.floor((slot - 1) / cells), (slot - 1) % cells];
            expect(batch.patches_NF[picture * pixels]).toBe(item + Math.floor((ordinal - item) / cells));
            expect(cell).toBe((ordinal - item) % cells);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('need sizes with room for rows that begin and end inside one, where chunks cut them', async () => {
    const sourced = { source: 'a', item: item(0, [1, 2, 3, 4, ...Array<number>(3 * cells).fill(IMAGE)]) };
    const open = arraySource([{ ...sourced, item: { ...sourced.item, patches: new Float32Array(3 * pixels) } }]);
    const shape = { batch: 1, length: 4, features: pixels, imageToken: IMAGE, padToken: PAD, cellsPerImage: cells };
    const batchesOf = async (sizes: number[]) =>
      collect(await createBatches({ ...shape, sizes, packing: 'chunks', open }));
    const common = { batch: 1, length: 4, imageTokens: cells };
    await expect(batchesOf(patchSizes({ ...common, wholeImages: true }))).rejects.toThrow(
      /shows 6 patches, but the greatest of its sizes is 4; add a greater size; 6 is enough for whatever 1 rows of 4 positions show/,
    );
    const [, second] = await batchesOf(patchSizes({ ...common, wholeImages: 'cut' }));
    expect(second).toMatchObject({ variant: 'patches-6', batch: { slots_BT: Int32Array.of(2, 3, 4, 5) } });
  });

  it('must fit sizes and placeholders', async () => {
    const shape = { batch: 1, length: 4, features: pixels, sizes: [0, 4], imageToken: IMAGE, padToken: PAD };
    const one = { source: 'captions', item: item(1, [IMAGE, 3]) };
    const open = arraySource([one]);
    const options = { ...shape, packing: 'no-split', open } as const;
    await expect(createBatches({ ...options, cellsPerImage: 3 })).rejects.toThrow(/divisor of every size.*got 3/);
    const batches = await createBatches({ ...options, cellsPerImage: 2 });
    await expect(batches.next()).rejects.toThrow(/1 placeholders \/ 2 to a picture/);
  });
});
