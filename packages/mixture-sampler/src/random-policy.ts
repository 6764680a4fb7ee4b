/**
 * Random choice whose *expected* delivery is in proportion at every step: source i is drawn with probability in proportion to
 * w_i / c_i, where c_i is what its next item costs. Then a step delivers from i an expected cost of (w_i / c_i)·c_i = w_i, up to a factor
 * that all share. (Compensation tickets of lottery scheduling: C. Waldspurger and W. Weihl, 1994.) With equal costs it is the plain
 * weighted draw.
 *
 * Draw number n is a function of the seed and n alone, so the position of the generator is the number of draws.
 */

/** Number n in [0, 1) of the sequence that belongs to `seed`. */
export function uniformAt(seed: number, n: number): number {
  let high = scramble(seed | 0) ^ scramble(Math.floor(seed / 2 ** 32) ^ 0x5bf03635);
  high = scramble(high ^ (n | 0));
  high = scramble(high ^ Math.floor(n / 2 ** 32));
  const low = scramble(high ^ 0x3c6ef372);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Spreads 32 bits (splitmix's step with murmur's finaliser). */
export function scramble(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The one into whose part of the line the draw falls; parts are as long as `weight` says. */
export function drawn<S>(among: readonly S[], uniform: number, weight: (one: S) => number): S {
  let sum = 0;
  for (const one of among) sum += weight(one);
  let left = uniform * sum;
  for (const one of among) {
    left -= weight(one);
    if (left < 0) return one;
  }
  return among.at(-1)!; // rounding: the draw fell on the very end
}
