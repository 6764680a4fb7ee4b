/**
 * Items in, batches out, resumable at every batch.
 *
 * - `chunks`: items one after another, cut into rows of T + 1 tokens without overlap, whatever a cut divides (OpenLM's rule: inputs are
 *   the first T tokens of a row, targets the last T, so a row's first token is never a target). Nothing is padded but the end of the data.
 * - `no-split`: every item whole in one row. It goes into the first row of the open batch with room for it; when no row has, the batch is
 *   done and the item opens the next one.
 * - `whole-images`: `no-split` for items with patches; text is cut wherever a row ends and fills the room that they leave.
 * - `one-item-per-row`: what it says.
 *
 * There is no mask between the items of a row but where the shape asks for `items`. An item longer than a row cannot stay whole: `overlong` says what then happens.
 */
import type { NamedArrays } from '@vlm/jit';
import { oneCallAtATime, type ResumableIterator } from '@vlm/mixture-sampler';
import { Account, checkAccounting, type TokenAccounting } from './accounting.ts';
import { type Batch, BatchBuilder, type BatchShape, batchArrays, checkShape } from './batch.ts';
import { checkChoice, checkNumber } from './check-values.ts';
import { ItemCursor } from './item-cursor.ts';
import { TrainerError } from './trainer-error.ts';
import { countPlaceholders, type OpenSource, type SourcedItem } from './training-item.ts';

export type Packing = 'chunks' | 'no-split' | 'whole-images' | 'one-item-per-row';
const PACKINGS: readonly Packing[] = ['chunks', 'no-split', 'whole-images', 'one-item-per-row'];
const OVERLONG = ['truncate', 'skip', 'error'] as const;

export interface BatchesOptions extends BatchShape {
  /** The items, usually a mixture; reopened where `state` says. */
  open: OpenSource<SourcedItem>;
  packing: Packing;
  /** Fills places that no item fills. */
  padToken: number;
  /** Id of the image placeholder; needed where `features` > 0. */
  imageToken?: number;
  /** An item that should stay whole but is longer than T + 1 tokens is cut, left out (both counted), or an error. Default `error`. */
  overlong?: (typeof OVERLONG)[number];
  /** From `state()` of an earlier iterator with the same options; absent or null for the beginning. */
  state?: unknown;
}

/** Where the packer is: where its source was before the first item not yet used up, and how much of that item is used. */
export interface BatchesState {
  version: 1;
  source: unknown;
  /** Tokens of the next item that are already in a batch. */
  offset: number;
  accounting: TokenAccounting;
}

/** What the loop needs of a batch, whatever is trained. */
export interface StepBatch {
  /** Which of the compiled variants takes it. */
  variant: string;
  /** The variant's arrays. */
  inputs: NamedArrays;
  /** Targets that are data, with and without loss; B·T less padding. */
  tokens: number;
  /** Targets that carry loss. */
  lossTokens: number;
}

/** A stream of whatever a step trains on, resumable between any two batches. */
export type StepBatches = ResumableIterator<StepBatch>;

/** A batch of tokens and patches, and where each token came from. */
export interface TrainingBatch extends StepBatch {
  batch: Batch;
  /** In the order they were laid; together they are the tokens of the batch, padding left out. */
  pieces: Piece[];
}

/** Tokens `from … to − 1` of one item, at places `at …` of a row of T + 1. */
export interface Piece {
  row: number;
  at: number;
  source: string;
  id: string;
  from: number;
  to: number;
}

export interface Batches extends ResumableIterator<TrainingBatch, BatchesState> {
  /** Where every token went so far. */
  accounting(): TokenAccounting;
  /** Tokens read from the source and not yet in a batch. */
  buffered(): number;
}

/**
 * Opens the stream of batches.
 *
 * The last batch of a source that ends is filled up with padding; then the stream is done. Calls take their turn. A failed one fails all
 * later ones, and `state()` and `accounting()` stay where the last batch ended: opened anew from there, no token is lost or trained twice.
 *
 * @throws TrainerError `bad-option`, `bad-state`; from `next()`: `bad-item`, `too-long`, `too-many-patches`
 * @example
 * const batches = await createBatches({ open, packing: 'chunks', batch: 16, length: 128, features: 0, sizes: [0], padToken: 4 });
 * const { value } = await batches.next(); // { variant: 'text', batch, tokens: 2048, lossTokens: 2048 }
 * const later = await createBatches({ ...options, state: batches.state() }); // goes on after that batch
 */
export async function createBatches(options: BatchesOptions): Promise<Batches> {
  const { packing, padToken, imageToken, features, cellsPerImage, overlong = 'error' } = options;
  const state = checkedState(options.state);
  checkShape(options);
  checkChoice('Packing', 'packing', packing, PACKINGS);
  checkChoice('Packing', 'overlong', overlong, OVERLONG);
  checkNumber('Packing', 'padToken', padToken, 0, 'whole');
  if (imageToken !== undefined) checkNumber('Packing', 'imageToken', imageToken, 0, 'whole');
  if (features > 0 && imageToken === undefined) {
    throw new TrainerError(
      'bad-option',
      `Packing: with features = ${features} the placeholder's id is needed; give imageToken.`,
    );
  }
  const account = new Account(state?.accounting);
  const cursor = new ItemCursor(await options.open(state?.source), state?.offset ?? 0, {
    features,
    imageToken,
    cellsPerImage,
  });
  const fill = packing === 'chunks' ? fillChunks : fillWhole;
  let buffered = cursor.buffered;

  const batches = oneCallAtATime<TrainingBatch, BatchesState>({
    async next() {
      const builder = new BatchBuilder(options, { padToken, imageToken });
      const totals = { tokens: 0, lossTokens: 0 };
      const pieces: Piece[] = [];
      const place: Place = (row, sourced, from, to) => {
        pieces.push({ row, at: builder.used[row]!, source: sourced.source, id: sourced.item.id, from, to });
        const placed = builder.place(row, sourced.item, from, to, cursor.placeholders);
        account.place(sourced.source, placed);
        totals.tokens += placed.loss + placed.context;
        totals.lossTokens += placed.loss;
      };
      await fill({ cursor, builder, place, account, overlong, options });
      const used = builder.used.reduce((sum, n) => sum + n, 0);
      if (used === 0) {
        buffered = 0;
        return { done: true, value: undefined };
      }
      account.batch(options.batch, options.batch * (options.length + 1) - used);
      const { variant, batch } = builder.finish();
      const inputs = batchArrays(batch, variant, options);
      buffered = cursor.buffered;
      return { done: false, value: { variant, batch, inputs, pieces, ...totals } };
    },
    state: () => ({ version: 1, ...cursor.state(), accounting: account.snapshot() }),
    return: () => cursor.close(),
  });
  return { ...batches, accounting: () => structuredClone(batches.state().accounting), buffered: () => buffered };
}

function checkedState(state: unknown): BatchesState | undefined {
  if (state === undefined || state === null) return undefined;
  const { version, offset, accounting } = state as Partial<BatchesState>;
  if (version !== 1) throw badState(`expected a state of version 1, got ${JSON.stringify(version)}`);
  if (!Number.isSafeInteger(offset) || offset! < 0) {
    throw badState(`expected a state with an offset that is an integer of at least 0, got ${JSON.stringify(offset)}`);
  }
  checkAccounting(accounting);
  return state as BatchesState;
}

function badState(what: string): TrainerError {
  return new TrainerError('bad-state', `Packing: ${what}.`);
}

type Place = (row: number, sourced: SourcedItem, from: number, to: number) => void;
interface Filling {
  cursor: ItemCursor;
  builder: BatchBuilder;
  place: Place;
  account: Account;
  overlong: (typeof OVERLONG)[number];
  options: BatchesOptions;
}

async function fillChunks({ cursor, builder, place, account, options }: Filling): Promise<void> {
  for (let row = 0; row < options.batch; row++) {
    for (let room = builder.room(row); room > 0; room = builder.room(row)) {
      const sourced = await cursor.peek();
      if (!sourced) return;
      const from = cursor.offset;
      const to = Math.min(sourced.item.tokens.length, from + room);
      place(row, sourced, from, to);
      if (cursor.advance(to - from)) account.of(sourced.source).items++;
    }
  }
}

async function fillWhole({ cursor, builder, place, account, overlong, options }: Filling): Promise<void> {
  const { batch, length, sizes, packing, imageToken } = options;
  const greatest = sizes.at(-1)!;
  for (;;) {
    const sourced = await cursor.peek();
    if (!sourced) return;
    const { source, item } = sourced;
    const whole = item.tokens.length;
    if (packing === 'whole-images' && !item.patches) {
      const row = firstRowWithRoom(builder, batch, 1, packing);
      if (row === undefined) return;
      const from = cursor.offset;
      const to = Math.min(whole, from + builder.room(row));
      place(row, sourced, from, to);
      if (cursor.advance(to - from)) account.of(source).items++;
      continue;
    }
    if (cursor.offset > 0) {
      throw badState(
        `the state stands at token ${cursor.offset} of item ${JSON.stringify(item.id)}, but ${packing} keeps it whole and would train those ` +
          'before again; is it the state of another packing?',
      );
    }
    const kept = Math.min(whole, length + 1);
    if (kept < whole && overlong === 'error') {
      throw new TrainerError(
        'too-long',
        `Packing (${packing}): expected at most ${length + 1} tokens (length + 1), got ${whole}, in item ${JSON.stringify(item.id)} of ` +
          `source ${JSON.stringify(source)}; raise length, or choose overlong: 'truncate' or 'skip'.`,
      );
    }
    if (kept < whole && overlong === 'skip') {
      const counts = account.of(source);
      counts.items++;
      counts.skipped += whole;
      cursor.advance(whole);
      continue;
    }
    const row = firstRowWithRoom(builder, batch, kept, packing);
    if (row === undefined) return;
    const inputs = Math.min(kept, length - builder.used[row]!);
    const patches = builder.patchesOf(countPlaceholders(item, imageToken, 0, inputs));
    if (builder.patchCount + patches > greatest) {
      if (builder.patchCount > 0) return;
      throw new TrainerError(
        'too-many-patches',
        `Packing (${packing}): item ${JSON.stringify(item.id)} of source ${JSON.stringify(source)} shows ${patches} patches, but the ` +
          `greatest of the sizes is ${greatest}; add a greater size.`,
      );
    }
    const opensRow = builder.used[row] === 0;
    place(row, sourced, 0, kept);
    const counts = account.of(source);
    counts.items++;
    counts.truncated += whole - kept;
    if (kept < whole && !item.loss.subarray(opensRow ? 1 : 0, kept).includes(1)) counts.itemsWithoutLoss++;
    cursor.advance(whole);
  }
}

function firstRowWithRoom(builder: BatchBuilder, batch: number, tokens: number, packing: Packing): number | undefined {
  for (let row = 0; row < batch; row++) {
    const fits = packing === 'one-item-per-row' ? builder.used[row] === 0 : builder.room(row) >= tokens;
    if (fits) return row;
  }
  return undefined;
}

/**
 * How many batches the source gives before it ends: a dry run of the packer, for phases whose length is given in epochs.
 *
 * @returns batches and where their tokens went
 */
export async function countBatches(options: BatchesOptions): Promise<TokenAccounting> {
  const batches = await createBatches(options);
  try {
    while (!(await batches.next()).done);
    return batches.accounting();
  } finally {
    await batches.return?.();
  }
}
