/** A small seeded generator (sfc32, seeded through FNV-1a and Murmur finalisers): the same numbers on every machine. */
export interface Random {
  /** An integer in [0, 2³²). */
  uint32(): number;
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** An integer in [0, bound), for bounds far below 2³². */
  int(bound: number): number;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

function hash32(text: string, salt: number): number {
  let h = (0x811c9dc5 ^ Math.imul(salt, 0x9e3779b1)) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * @param seed any text or number; `'7/wrong-image'` gives every purpose a stream of its own
 * @example createRandom('7/bootstrap').int(10)
 */
export function createRandom(seed: string | number): Random {
  const text = String(seed);
  let a = hash32(text, 1);
  let b = hash32(text, 2);
  let c = hash32(text, 3);
  let counter = 1;
  const uint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) uint32();
  const int = (bound: number): number => Math.floor((uint32() / 4294967296) * bound);
  return {
    uint32,
    next: () => uint32() / 4294967296,
    int,
    shuffle: (items) => {
      const copy = items.slice();
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(i + 1);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
}
