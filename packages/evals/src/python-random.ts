/**
 * CPython's `random.Random`: MT19937 (Matsumoto and Nishimura 1998) with CPython's seeding and its way from words to numbers. Needed where
 * the reference picks subsets with it (`Random(21).shuffle(ids)`); everything else here uses `createRandom`.
 */
import { EvalsError } from './errors.ts';

const n = 624;
const m = 397;

export class PythonRandom {
  readonly #state: Uint32Array;
  #at: number = n;

  /** @param seed an integer; the sign does not matter, as in CPython. Integers beyond 2⁵³ as bigint. */
  constructor(seed: number | bigint) {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed))
      throw new EvalsError(
        'INVALID_OPTION',
        `PythonRandom: expected an integer seed, got ${seed}; beyond 2^53 pass a bigint.`,
      );
    const key: number[] = [];
    const size = BigInt(seed);
    for (let left = size < 0n ? -size : size; left > 0n; left >>= 32n) key.push(Number(left & 0xffffffffn));
    this.#state = seededByArray(key.length === 0 ? [0] : key);
  }

  /** The next 32 bits. */
  uint32(): number {
    if (this.#at >= n) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** `random()`: 53 bits in [0, 1). */
  random(): number {
    const a = this.uint32() >>> 5;
    return (a * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** `getrandbits(k)`. */
  getRandBits(k: number): bigint {
    if (!Number.isInteger(k) || k < 0)
      throw new EvalsError('INVALID_OPTION', `getRandBits: expected a non-negative integer, got ${k}.`);
    let bits = 0n;
    for (let done = 0; done < k; done += 32) {
      const word = k - done >= 32 ? this.uint32() : this.uint32() >>> (32 - (k - done));
      bits |= BigInt(word) << BigInt(done);
    }
    return bits;
  }

  /** An integer in [0, bound), by rejection; bound up to 2³². */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0xffffffff)
      throw new EvalsError('INVALID_OPTION', `below: expected an integer from 1 to 2^32 − 1, got ${bound}.`);
    const shift = Math.clz32(bound);
    for (;;) {
      const drawn = this.uint32() >>> shift;
      if (drawn < bound) return drawn;
    }
  }

  /** `randint(low, high)`, both ends included. */
  randInt(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** `shuffle(list)`, in place. */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < n; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % n]! & 0x7fffffff);
      state[i] = state[(i + m) % n]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}

function seeded(seed: number): Uint32Array {
  const state = new Uint32Array(n);
  state[0] = seed;
  for (let i = 1; i < n; i++) {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(before, 1812433253) + i;
  }
  return state;
}

/** MT19937's `init_by_array`. */
function seededByArray(key: readonly number[]): Uint32Array {
  const state = seeded(19650218);
  let i = 1;
  const step = (factor: number, plus: number): void => {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = (state[i]! ^ Math.imul(before, factor)) + plus;
    if (++i >= n) {
      state[0] = state[n - 1]!;
      i = 1;
    }
  };
  for (let k = 0, j = 0; k < Math.max(n, key.length); k++, j = (j + 1) % key.length) step(1664525, key[j]! + j);
  for (let k = 0; k < n - 1; k++) step(1566083941, -i);
  state[0] = 0x80000000;
  return state;
}

/**
 * The reference's subsets: all ids are shuffled once with `Random(21)`; a slim set takes the first `perGroup` of each group, in that order.
 * @param groupOf a split's name, where slim sets are counted by split (POPE, RefCOCO, OCID-Ref); default one group
 * @example slimSubset(['a', 'b', 'c'], 2)
 */
export function slimSubset(
  ids: readonly string[],
  perGroup: number = Number.POSITIVE_INFINITY,
  groupOf: (id: string) => string = () => '',
): string[] {
  const taken = new Map<string, number>();
  return new PythonRandom(21).shuffle([...ids]).filter((id) => {
    const count = (taken.get(groupOf(id)) ?? 0) + 1;
    taken.set(groupOf(id), count);
    return count <= perGroup;
  });
}
