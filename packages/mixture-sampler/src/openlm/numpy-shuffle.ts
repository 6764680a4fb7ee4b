/**
 * `numpy.random.default_rng(seed).shuffle(list)`, with which OpenLM orders shards: the generator PCG64 (M. O'Neill, 2014: 128-bit linear
 * congruential state, XSL-RR output), seeded through NumPy's `SeedSequence`, and an exchange shuffle from the end by masked rejection.
 */
import { MixtureError } from '../mixture-error.ts';

const mask64 = (1n << 64n) - 1n;
const mask128 = (1n << 128n) - 1n;
const multiplier = 0x2360ed051fc65da44385df649fccf645n;

/** A shuffled copy. @param seed whole number from 0 */
export function numpyShuffle<T>(list: readonly T[], seed: number): T[] {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new MixtureError('invalid-argument', `expected the seed to be a whole number from 0, got ${seed}`);
  const uint32 = pcg64(seed);
  const shuffled = [...list];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const mask = i >= 2 ** 31 ? 0xffffffff : 2 ** (32 - Math.clz32(i)) - 1;
    let j: number;
    do j = (uint32() & mask) >>> 0;
    while (j > i);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}

/** 32 bits at a time: the low half of each 64-bit output first. */
function pcg64(seed: number): () => number {
  const words = seedWords(seed, 8);
  const word64 = (i: number): bigint => BigInt(words[2 * i]!) | (BigInt(words[2 * i + 1]!) << 32n);
  const start = (word64(0) << 64n) | word64(1);
  const increment = ((((word64(2) << 64n) | word64(3)) << 1n) | 1n) & mask128;
  let state = 0n;
  const step = (): void => {
    state = (state * multiplier + increment) & mask128;
  };
  step();
  state = (state + start) & mask128;
  step();
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const high = spare;
      spare = undefined;
      return high;
    }
    step();
    const folded = (state >> 64n) ^ (state & mask64);
    const turn = state >> 122n;
    const output = ((folded >> turn) | (folded << ((64n - turn) & 63n))) & mask64;
    spare = Number(output >> 32n);
    return Number(output & 0xffffffffn);
  };
}

/** NumPy's `SeedSequence(seed).generate_state(count)`: a pool of four words, each mixed into each, then read out. */
function seedWords(seed: number, count: number): number[] {
  const entropy = seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  let key = 0x43b0d7e5;
  const hash = (value: number): number => {
    let mixed = value ^ key;
    key = Math.imul(key, 0x931e8875);
    mixed = Math.imul(mixed, key);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const mix = (a: number, b: number): number => {
    const mixed = (Math.imul(a, 0xca01f9dd) - Math.imul(b, 0x4973f715)) | 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
  let out = 0x8b51f9dd;
  return Array.from({ length: count }, (_, i) => {
    let word = pool[i % 4]! ^ out;
    out = Math.imul(out, 0x58f38ded);
    word = Math.imul(word, out);
    return (word ^ (word >>> 16)) >>> 0;
  });
}
