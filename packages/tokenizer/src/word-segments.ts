import type { QueuedPair } from './pair-queue.ts';

/** Room for two ids in one exact number: id < 2^22. */
const KEY_BASE = 4_194_304;

interface PairEntry {
  /** Occurrences, each weighted by how often its word occurs. */
  count: number;
  /** Places of the left token. May name places where the pair is gone: they are checked when used. */
  places: number[];
}

/**
 * All different words, cut into tokens, with the counts of neighbouring pairs kept up to date. Tokens lie in flat arrays and are linked
 * to their neighbours within the word; merging a pair touches only the places where it occurs.
 */
export class WordSegments {
  private readonly token: Int32Array;
  private readonly next: Int32Array; // -1 at the end of a word
  private readonly previous: Int32Array; // -1 at the start of a word
  private readonly weight: Float64Array; // how often the word of this place occurs
  private readonly entries = new Map<number, PairEntry>();

  /** @param words words and their counts @param firstByte id of byte 0; byte b has id firstByte + b */
  constructor(words: ReadonlyMap<string, number>, firstByte: number) {
    let length = 0;
    for (const word of words.keys()) length += Buffer.byteLength(word);
    this.token = new Int32Array(length);
    this.next = new Int32Array(length);
    this.previous = new Int32Array(length);
    this.weight = new Float64Array(length);
    let at = 0;
    for (const [word, count] of words) {
      const bytes = Buffer.from(word);
      for (let i = 0; i < bytes.length; i++, at++) {
        this.token[at] = firstByte + bytes[i]!;
        this.previous[at] = i === 0 ? -1 : at - 1;
        this.next[at] = i === bytes.length - 1 ? -1 : at + 1;
        this.weight[at] = count;
        if (i > 0) this.add(at - 1, at);
      }
    }
  }

  /** Every pair with its present count. */
  *pairs(): Generator<QueuedPair> {
    for (const [key, { count }] of this.entries)
      yield { count, left: Math.floor(key / KEY_BASE), right: key % KEY_BASE };
  }

  count(left: number, right: number): number {
    return this.entries.get(left * KEY_BASE + right)?.count ?? 0;
  }

  /** Joins every occurrence of the pair, from left to right, into `id`. Returns the pairs that became more frequent. */
  merge(left: number, right: number, id: number): QueuedPair[] {
    const { token, next, previous } = this;
    const key = left * KEY_BASE + right;
    const places = this.entries.get(key)?.places ?? [];
    this.entries.delete(key);
    const risen = new Set<number>();
    for (const at of ascending(places)) {
      const second = token[at] === left ? next[at]! : -1;
      if (second < 0 || token[second] !== right) continue;
      const before = previous[at]!;
      const after = next[second]!;
      if (before >= 0) this.remove(before, at, key);
      if (after >= 0) this.remove(second, after, key);
      token[at] = id;
      token[second] = -1;
      next[at] = after;
      if (after >= 0) previous[after] = at;
      if (before >= 0) risen.add(this.add(before, at));
      if (after >= 0) risen.add(this.add(at, after));
    }
    return [...risen].flatMap((pair) => {
      const count = this.entries.get(pair)?.count ?? 0;
      return count > 0 ? [{ count, left: Math.floor(pair / KEY_BASE), right: pair % KEY_BASE }] : [];
    });
  }

  private add(first: number, second: number): number {
    const key = this.token[first]! * KEY_BASE + this.token[second]!;
    const entry = this.entries.get(key);
    if (entry) {
      entry.count += this.weight[first]!;
      entry.places.push(first);
    } else this.entries.set(key, { count: this.weight[first]!, places: [first] });
    return key;
  }

  private remove(first: number, second: number, merging: number): void {
    const key = this.token[first]! * KEY_BASE + this.token[second]!;
    if (key === merging) return; // its entry is already gone
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.count -= this.weight[first]!;
    if (entry.count === 0) this.entries.delete(key);
  }
}

/** Places are noted in rising order but for those that came back later: only then sort. */
function ascending(places: number[]): number[] {
  for (let i = 1; i < places.length; i++) if (places[i]! < places[i - 1]!) return places.sort((a, b) => a - b);
  return places;
}
