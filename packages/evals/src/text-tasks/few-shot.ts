/**
 * Which examples stand before a question: drawn as llm-foundry draws them (DCLM's evaluation uses it), so that prompts are the same.
 * Their order is that of a CPython set of integers, which depends on how such a set is laid out in memory.
 */
import type { PythonRandom } from '../python-random.ts';

/**
 * @param size examples there are
 * @param shots how many to draw; at most all others
 * @param index the question itself, which is never drawn
 * @param random one generator for all questions of a task, in their order (`new PythonRandom(1234)`)
 * @returns indices, in the order of the prompt
 */
export function fewShotIndices(size: number, shots: number, index: number, random: PythonRandom): number[] {
  const drawn = new PythonIntSet(pythonSample(size, Math.min(size - 1, shots), random));
  if (!drawn.has(index)) return drawn.values();
  drawn.delete(index);
  if (drawn.values().length >= size - 1) return drawn.values();
  let other = random.below(size);
  while (drawn.has(other) || other === index) other = random.below(size);
  drawn.add(other);
  return drawn.values();
}

/** CPython's `random.sample(range(size), count)`. */
export function pythonSample(size: number, count: number, random: PythonRandom): number[] {
  const pooled = size <= 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);
  if (!pooled) {
    const seen = new Set<number>();
    while (seen.size < count) {
      let drawn = random.below(size);
      while (seen.has(drawn)) drawn = random.below(size);
      seen.add(drawn);
    }
    return [...seen];
  }
  const pool = Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => {
    const j = random.below(size - i);
    const drawn = pool[j]!;
    pool[j] = pool[size - i - 1]!;
    return drawn;
  });
}

const EMPTY = -1;
const DELETED = -2;

/** A CPython `set` of non-negative integers, for the order in which it is walked through (Objects/setobject.c, Python 3.7 and later). */
class PythonIntSet {
  private table: number[] = new Array<number>(8).fill(EMPTY);
  /** Places that are or were taken. */
  private filled = 0;

  constructor(values: readonly number[]) {
    for (const value of values) this.add(value);
  }

  values(): number[] {
    return this.table.filter((value) => value >= 0);
  }

  has(value: number): boolean {
    return this.table.includes(value);
  }

  delete(value: number): void {
    const at = this.table.indexOf(value);
    if (at >= 0) this.table[at] = DELETED;
  }

  add(value: number): void {
    if (this.has(value)) return;
    this.insert(value);
    this.filled++;
    if (this.filled * 5 >= (this.table.length - 1) * 3) this.grow();
  }

  /** Nine neighbours of a place are looked at, then the next place of the sequence. */
  private insert(value: number): void {
    const mask = this.table.length - 1;
    let place = value & mask;
    for (let perturb = value; ; place = (place * 5 + 1 + perturb) & mask) {
      const last = place + 9 <= mask ? place + 9 : place;
      for (let at = place; at <= last; at++)
        if (this.table[at] === EMPTY) {
          this.table[at] = value;
          return;
        }
      perturb >>>= 5;
    }
  }

  private grow(): void {
    const values = this.values();
    const least = values.length > 50_000 ? values.length * 2 : values.length * 4;
    let size = 8;
    while (size <= least) size *= 2;
    this.table = new Array<number>(size).fill(EMPTY);
    for (const value of values) this.insert(value);
    this.filled = values.length;
  }
}
