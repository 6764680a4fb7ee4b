/** A generator of numbers in [0, 1). */
export type Random = () => number;

/** Seeds sfc32 (Chris Doty-Humphrey's small fast counter generator) from any text or number: same seed, same numbers, everywhere. */
export function createRandom(seed: string | number): Random {
  const text = String(seed);
  const hash = (salt: number): number => {
    let h = (0x811c9dc5 ^ salt) >>> 0; // FNV-1a over UTF-16 units, then a finaliser that spreads the bits
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) | 0;
  };
  let a = hash(1);
  let b = hash(2);
  let c = hash(3);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}
