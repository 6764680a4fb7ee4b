/**
 * The shuffle of Python's webdataset, number for number: a buffer that is filled by up to two items for each that is handed out, from a
 * place drawn by CPython's generator.
 */

import { WebDatasetError } from './errors.ts';
import { inTurns } from './in-turns.ts';
import { pythonRandom } from './python-random.ts';
import type { ShardPosition, ShardReader } from './read-shards.ts';
import type { Sample } from './sample-groups.ts';

/** webdataset's `shuffle(size, initial)` with the seed of its `detshuffle`. */
export interface BufferShuffle {
  /** An integer; the epoch is added to it. */
  seed: number;
  /** Items held at most. */
  buffer: number;
  /** Items held before the first is handed out. Default 100, as in webdataset. */
  initial?: number | undefined;
}

/**
 * What the shuffle does, step by step.
 *
 * @yields `undefined`: one more item goes behind those held (answer: whether there was one); a number: the item at this place is handed out, and
 *   the last one moves there
 */
function* steps(
  { seed, buffer, initial = 100 }: BufferShuffle,
  epoch: number,
): Generator<number | undefined, void, boolean> {
  const below = pythonRandom(seed + epoch);
  const enough = Math.min(initial, buffer);
  let held = 0;
  while (yield undefined) {
    held++;
    if (held < buffer && (yield undefined)) held++;
    if (held >= enough) yield below(held--);
  }
  while (held > 0) yield below(held--);
}

/** Takes the item at a place, as the shuffle does. */
function take<T>(held: T[], place: number): T {
  const taken = held[place]!;
  held[place] = held.at(-1)!;
  held.pop();
  return taken;
}

/** A shuffled copy of a list. */
export function shuffledByBuffer<T>(items: readonly T[], shuffle: BufferShuffle, epoch: number): T[] {
  const order = steps(shuffle, epoch);
  const held: T[] = [];
  const out: T[] = [];
  let pulled = 0;
  for (let step = order.next(); !step.done; ) {
    if (step.value !== undefined) out.push(take(held, step.value));
    else if (pulled < items.length) held.push(items[pulled]!);
    step = order.next(step.value !== undefined || pulled++ < items.length);
  }
  return out;
}

/** The order of webdataset's `SimpleShardList(urls, seed)`: CPython's `random.shuffle`, which is the shuffle of a full buffer read backwards. */
export function shuffledAsSimpleShardList<T>(items: readonly T[], seed: number): T[] {
  return shuffledByBuffer(items, { seed, buffer: Math.max(1, items.length), initial: items.length }, 0).reverse();
}

/** Where the shuffle of a reader's samples is: what it holds is known from the counts, so that only the oldest held sample's place is kept. */
export interface BufferPosition {
  /** Samples handed out. */
  returned: number;
  /** Samples taken from the shards. */
  pulled: number;
  /** Number of the sample at the position, counted as `pulled` counts. */
  oldest: number;
}

interface Held {
  number: number;
  /** Where the sample begins; undefined while resuming, before it was read again. */
  from?: ShardPosition;
  sample?: Sample;
}

/**
 * Shuffles a reader's samples as webdataset does. Resuming goes through the numbers drawn so far and reads on from the oldest
 * sample that was held.
 *
 * @param inner reads from the position of `resume`, or from the beginning
 */
export function shuffleByBuffer(
  inner: ShardReader,
  shuffle: BufferShuffle,
  resume: BufferPosition | undefined,
): ShardReader {
  const order = steps(shuffle, inner.state().epoch);
  const held: Held[] = [];
  let step = order.next();
  let [pulled, returned, handedOut] = [0, 0, 0];
  let begun = resume === undefined;
  let behind = inner.state(); // where the first sample begins that was not taken yet

  /** Takes the shuffle to where it was; which samples it held is a matter of numbers alone. */
  async function begin({ returned: goal, pulled: limit, oldest }: BufferPosition): Promise<void> {
    while (!step.done && (returned < goal || (step.value === undefined && pulled < limit))) {
      if (step.value === undefined) {
        const more = pulled < limit;
        if (more) held.push({ number: pulled++ });
        step = order.next(more);
      } else {
        take(held, step.value);
        returned++;
        step = order.next(true);
      }
    }
    const missing = new Map(held.map((entry) => [entry.number, entry]));
    if (returned !== goal || pulled !== limit || held.some(({ number }) => number < oldest)) throw unfit();
    for (let number = oldest; number < limit; number++) {
      const { done, value } = await inner.next();
      if (done) throw unfit();
      const entry = missing.get(number);
      if (entry !== undefined) Object.assign(entry, { from: behind, sample: value });
      behind = inner.state();
    }
  }

  async function next(): Promise<IteratorResult<Sample, undefined>> {
    if (!begun) await begin(resume!);
    begun = true;
    while (!step.done) {
      if (step.value !== undefined) {
        const { sample } = take(held, step.value);
        returned++;
        handedOut++;
        step = order.next(true);
        return { done: false, value: sample! };
      }
      const { done, value } = await inner.next();
      if (!done) held.push({ number: pulled++, from: behind, sample: value });
      behind = inner.state();
      step = order.next(!done);
    }
    return { done: true, value: undefined };
  }

  const start: ShardPosition = { ...inner.state(), ...(resume && { buffer: resume }) };
  const turns = inTurns(next);
  const reader: ShardReader = {
    ...inner,
    next: turns.call,
    state() {
      if (!begun) return start;
      let oldest = held[0];
      for (const entry of held) if (entry.number < oldest!.number) oldest = entry;
      return { ...(oldest?.from ?? behind), buffer: { returned, pulled, oldest: oldest?.number ?? pulled } };
    },
    counts: () => ({ ...inner.counts(), samples: handedOut }),
    async return() {
      await turns.settled();
      await order.return();
      step = { done: true, value: undefined };
      return inner.return();
    },
    [Symbol.asyncIterator]: () => reader,
  };
  return reader;
}

function unfit(): WebDatasetError {
  return new WebDatasetError(
    'invalid-state',
    'state.buffer does not fit these shards and this shuffle; go on with the list and the options that it was taken with',
  );
}
