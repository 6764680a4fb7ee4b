/**
 * Keys that were seen. V8 holds at most 2^24 entries in one `Set` and throws a `RangeError` at the next, so that there is another one for every
 * `perSet` keys; memory is the only bound.
 */
export class KeySet {
  readonly #sets: Set<string>[] = [new Set()];
  readonly #perSet: number;

  constructor(perSet: number = 1 << 23) {
    this.#perSet = perSet;
  }

  has(key: string): boolean {
    return this.#sets.some((set) => set.has(key));
  }

  /** A key that is not there yet. */
  add(key: string): void {
    if (this.#sets.at(-1)!.size === this.#perSet) this.#sets.push(new Set());
    this.#sets.at(-1)!.add(key);
  }
}
