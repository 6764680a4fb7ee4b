/** The part of CPython's `random.Random` that webdataset shuffles with: MT19937 (Matsumoto and Nishimura 1998), seeded by an integer. */

const size = 624;

/**
 * `random.Random(seed)`.
 *
 * @param seed a safe integer; CPython leaves the sign away
 * @returns `randrange(bound)`: a whole number from 0 to bound − 1, for bounds up to 2³² − 1
 */
export function pythonRandom(seed: number): (bound: number) => number {
  const magnitude = Math.abs(seed);
  const state = seeded(magnitude < 2 ** 32 ? [magnitude] : [magnitude >>> 0, Math.floor(magnitude / 2 ** 32)]);
  let at = size;
  const word = (): number => {
    if (at === size) {
      twist(state);
      at = 0;
    }
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return (bound) => {
    const shift = Math.clz32(bound);
    for (;;) {
      const drawn = word() >>> shift;
      if (drawn < bound) return drawn;
    }
  };
}

/** MT19937's `init_by_array`. */
function seeded(key: readonly number[]): Uint32Array {
  const state = new Uint32Array(size);
  state[0] = 19650218;
  for (let i = 1; i < size; i++) state[i] = spread(state[i - 1]!, 1812433253) + i;
  let i = 1;
  const step = (factor: number, plus: number): void => {
    state[i] = (state[i]! ^ spread(state[i - 1]!, factor)) + plus;
    if (++i < size) return;
    state[0] = state[size - 1]!;
    i = 1;
  };
  for (let k = 0; k < size; k++) step(1664525, key[k % key.length]! + (k % key.length));
  for (let k = 1; k < size; k++) step(1566083941, -i);
  state[0] = 0x80000000;
  return state;
}

function spread(word: number, factor: number): number {
  return Math.imul(word ^ (word >>> 30), factor);
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < size; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
    state[i] = state[(i + 397) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
