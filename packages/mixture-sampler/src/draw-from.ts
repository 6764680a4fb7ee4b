/**
 * Items in random order out of anything that has a length and gives item i: an array, an index of a data set on disk.
 *
 * Without replacement each pass is a permutation that is computed place by place, so that it takes no memory and any place of it can be
 * opened at once: a Feistel network on the least power of four that holds all places, walked until it lands inside (J. Black and P. Rogaway,
 * "Ciphers with arbitrary finite domains", 2002).
 */
import { MixtureError } from './mixture-error.ts';
import { oneCallAtATime } from './one-call-at-a-time.ts';
import { scramble, uniformAt } from './random-policy.ts';
import type { ResumableIterator } from './types.ts';

/** Anything that gives item i. */
export interface RandomAccess<T> {
  readonly length: number;
  at(index: number): T | undefined | Promise<T | undefined>;
}

/** Position of a random order. */
export interface DrawState {
  /** Items given out in this pass. */
  drawn: number;
}

const endless = new WeakSet<object>();

/** Whether an `open` draws for ever, so that no pass of it is ever complete. */
export function isEndless(open: object): boolean {
  return endless.has(open);
}

/**
 * Opens a source in random order: give the result as `open`.
 *
 * @param items at least one; must not change between a state and its resumption
 * @param options.seed whole number; pass n of the source is seeded with `seed` and n
 * @param options.replacement `false`: each pass gives every item once. `true`: each draw is independent and the source never ends, so that
 *   only limits on items and cost end it: with `limits.epochs` a mixture refuses it
 * @throws MixtureError `invalid-argument`, also from `next` for an item that is not there; from the opened source `invalid-state`
 * @example
 * const source = { name: 'text', weight: 3, open: drawFrom(documents, { seed: 7, replacement: false }), cost, whenExhausted: 'repeat' };
 */
export function drawFrom<T>(
  items: RandomAccess<T>,
  { seed, replacement }: { seed: number; replacement: boolean },
): (state?: unknown, pass?: { epoch: number }) => ResumableIterator<T, DrawState> {
  const { length } = items;
  if (!Number.isSafeInteger(length) || length < 0 || length > 2 ** 52)
    throw new MixtureError('invalid-argument', `drawFrom: expected items with a length, got ${length}`);
  if (!Number.isSafeInteger(seed))
    throw new MixtureError('invalid-argument', `drawFrom: expected the seed to be a whole number, got ${seed}`);
  if (typeof replacement !== 'boolean')
    throw new MixtureError(
      'invalid-argument',
      `drawFrom: expected replacement to be true or false, got ${JSON.stringify(replacement)}; there is no default`,
    );
  const open = (state?: unknown, pass?: { epoch: number }): ResumableIterator<T, DrawState> => {
    let drawn = 0;
    if (state !== undefined) {
      const saved = (state as Partial<DrawState> | null)?.drawn;
      if (!Number.isSafeInteger(saved) || saved! < 0 || (!replacement && saved! > length))
        throw new MixtureError(
          'invalid-state',
          `expected { drawn } from 0${replacement ? '' : ` to ${length}`}, got ${JSON.stringify(state)}; are they the same items?`,
        );
      drawn = saved!;
    }
    const passSeed = seedOfPass(seed, pass?.epoch ?? 0);
    return oneCallAtATime({
      async next() {
        if (length === 0 || (!replacement && drawn >= length)) return { done: true, value: undefined };
        const index = replacement ? Math.floor(uniformAt(passSeed, drawn) * length) : permuted(drawn, length, passSeed);
        const value = await items.at(index);
        if (value === undefined)
          throw new MixtureError('invalid-argument', `drawFrom: expected item ${index} of ${length}, got undefined`);
        drawn++;
        return { done: false, value };
      },
      state: () => ({ drawn }),
    });
  };
  if (replacement) endless.add(open);
  return open;
}

/** Pass 0 is the seed itself; the others are far from it and from those of neighbouring seeds. */
function seedOfPass(seed: number, epoch: number): number {
  return epoch === 0 ? seed : Math.floor(uniformAt(seed, 2 ** 40 + epoch) * 2 ** 52);
}

const rounds = 6;

/** Place `place` of the permutation of 0 … length − 1 that belongs to `seed`. */
export function permuted(place: number, length: number, seed: number): number {
  let half = 1; // bits of one half: 4^half ≥ length
  while (4 ** half < length) half++;
  const size = 2 ** half;
  const key = scramble(seed | 0) ^ scramble(Math.floor(seed / 2 ** 32) ^ 0x2545f491);
  let at = place;
  do {
    let [left, right] = [Math.floor(at / size), at % size];
    for (let round = 0; round < rounds; round++) {
      const mixed = (scramble(scramble(right ^ key) + Math.imul(round + 1, 0x9e3779b1)) >>> 0) % size;
      [left, right] = [right, (left ^ mixed) >>> 0];
    }
    at = left * size + right;
  } while (at >= length);
  return at;
}
