/**
 * As much of CPython's `random.Random` as OpenLM's data order needs: MT19937 (M. Matsumoto and T. Nishimura, 1998) with CPython's
 * seeding by array and its way from words to numbers.
 */
import { MixtureError } from '../mixture-error.ts';

const size = 624;
const middle = 397;

export interface PythonRandom {
  /** `random()`: 53 bits in [0, 1). */
  random(): number;
  /** An integer in [0, bound) by rejection, as `randint(0, bound - 1)` and `choice` draw it; bound up to 2³² − 1. */
  below(bound: number): number;
}

/** @param seed whole number; its sign does not matter, as in CPython */
export function pythonRandom(seed: number): PythonRandom {
  if (!Number.isSafeInteger(seed))
    throw new MixtureError('invalid-argument', `expected the seed to be a whole number, got ${seed}`);
  const state = seededState(Math.abs(seed));
  let at = size;

  function uint32(): number {
    if (at === size) {
      for (let i = 0; i < size; i++) {
        const joined = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
        state[i] = state[(i + middle) % size]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let word = state[at++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  return {
    random: () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53,
    below(bound) {
      for (;;) {
        const drawn = uint32() >>> Math.clz32(bound);
        if (drawn < bound) return drawn;
      }
    },
  };
}

function seededState(seed: number): Uint32Array {
  const key = seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const state = new Uint32Array(size);
  state[0] = 19650218;
  for (let i = 1; i < size; i++) state[i] = Math.imul(before(i), 1812433253) + i;
  let i = 1;
  const next = (): void => {
    if (++i < size) return;
    state[0] = state[size - 1]!;
    i = 1;
  };
  for (let k = 0; k < size; k++, next()) {
    const j = k % key.length;
    state[i] = (state[i]! ^ Math.imul(before(i), 1664525)) + key[j]! + j;
  }
  for (let k = 1; k < size; k++, next()) state[i] = (state[i]! ^ Math.imul(before(i), 1566083941)) - i;
  state[0] = 0x80000000;
  return state;

  function before(place: number): number {
    return state[place - 1]! ^ (state[place - 1]! >>> 30);
  }
}
