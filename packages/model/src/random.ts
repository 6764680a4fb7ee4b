/**
 * One small seeded generator: xoshiro128** (Blackman and Vigna, 2018), seeded from a 128-bit hash of a string.
 * Not for cryptography. The same seed gives the same numbers on every machine.
 */
import { ModelError } from './model-error.ts';

export interface Random {
  /** An integer in [0, 2³²). */
  uint32(): number;
  /** A double in [0, 1) with 53 random bits. */
  uniform(): number;
  /** A standard normal number (Box–Muller; the second of each pair is dropped so that the state stays four words). */
  normal(): number;
  /** An integer in [0, bound), without modulo bias. @param bound a whole number from 1 to 2³² @throws ModelError INVALID_INPUT */
  integer(bound: number): number;
  /** The state as plain data; `createRandom` accepts it. */
  state(): RandomState;
}

export type RandomState = readonly [number, number, number, number];

/**
 * @param seed a string, a number, or the state of an earlier generator
 * @throws ModelError INVALID_INPUT for what is no state
 * @example createRandom('init/norm.weight').uniform()
 */
export function createRandom(seed: string | number | RandomState): Random {
  if (typeof seed === 'object') checkState(seed);
  let [a, b, c, d] = typeof seed === 'object' ? seed : hash128(String(seed));

  function uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  }
  function uniform(): number {
    return ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992;
  }
  return {
    uint32,
    uniform,
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform())); // 1 − u is never 0
      return radius * Math.cos(2 * Math.PI * uniform());
    },
    integer(bound) {
      if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
        throw new ModelError(
          'INVALID_INPUT',
          `Random: expected a bound that is a whole number from 1 to 2³², got ${bound}.`,
        );
      }
      const limit = 4294967296 - (4294967296 % bound);
      for (;;) {
        const value = uint32();
        if (value < limit) return value % bound;
      }
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

/** All zeros would give zeros for ever. */
function checkState(state: RandomState): void {
  const isState = Array.isArray(state) && state.length === 4 && state.every(Number.isInteger);
  if (isState && state.some((word) => word >>> 0 !== 0)) return;
  throw new ModelError(
    'INVALID_INPUT',
    `Random: expected a seed or four whole numbers, not all 0, as state() gives them, got ${JSON.stringify(state)}.`,
  );
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** Four independent 32-bit hashes of a string's UTF-16 code units, each with MurmurHash3's finaliser; never all zero. */
function hash128(text: string): [number, number, number, number] {
  const words = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344].map((start, lane) => {
    let h = start;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193 + 2 * lane * 0x9e3779b1);
    h ^= text.length;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  });
  return [words[0]!, words[1]!, words[2]!, words[3]! | 1];
}
