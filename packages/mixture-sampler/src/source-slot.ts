import { MixtureError } from './mixture-error.ts';
import type { MixtureSource, MixtureState, ResumableIterator } from './types.ts';

/** One source at work: opens it when it is first due, reads one item ahead, and begins again where that is its policy. */
export class SourceSlot<T> {
  readonly source: MixtureSource<T>;
  readonly weight: number;
  delivered = 0;
  items = 0;
  epochs = 0;
  ended = false;
  /** Ended at one of its limits. */
  limited = false;
  /** The item read ahead, with its cost. */
  head: { item: T; cost: number } | undefined;
  #iterator: ResumableIterator<T> | undefined;
  /** Where to reopen: the iterator's state before the item read ahead, or while none is open. */
  #saved: unknown;
  /** True while `#saved`, not the iterator, says where the source is. */
  #ahead = true;

  constructor(source: MixtureSource<T>, state: MixtureState | undefined) {
    const { name } = source;
    this.source = source;
    this.weight = source.weight ?? 0;
    this.#saved = source.from;
    if (state === undefined) return;
    this.delivered = state.delivered[name]!;
    this.items = state.items[name]!;
    this.epochs = state.epochs[name]!;
    if (Object.hasOwn(state.sources ?? {}, name)) this.#saved = state.sources[name];
    else if (this.epochs > 0) this.#saved = undefined;
    this.ended = state.ended.includes(name);
    this.limited = state.limited?.includes(name) ?? false;
  }

  /** True when its end is the end of the mixture. */
  get stops(): boolean {
    const { whenExhausted, whenLimited } = this.source;
    return this.ended && (this.limited ? (whenLimited ?? whenExhausted) : whenExhausted) === 'stop';
  }

  /**
   * Reads one item ahead.
   *
   * @returns false when the source is used up for good
   */
  async fill(): Promise<boolean> {
    const { source } = this;
    const limits = source.limits ?? {};
    if (limits.items !== undefined && this.items >= limits.items) return this.#endAtLimit();
    for (;;) {
      const fromBeginning = this.#iterator === undefined && this.#saved === undefined;
      const iterator: ResumableIterator<T> = this.#iterator ?? (await source.open(this.#saved, { epoch: this.epochs }));
      this.#iterator = iterator;
      // Asked before next(): this is the state that gives the item back to whoever resumes.
      this.#saved = iterator.state();
      this.#ahead = true;
      const result = await iterator.next();
      if (!result.done) {
        const cost = source.cost(result.value);
        if (!(Number.isFinite(cost) && cost > 0)) {
          throw new MixtureError(
            'invalid-cost',
            `source "${source.name}": expected cost(item) to be a positive number, got ${cost}; leave such items out of the source`,
            source.name,
          );
        }
        if (limits.cost !== undefined && this.delivered + cost > limits.cost) return this.#endAtLimit();
        this.head = { item: result.value, cost };
        return true;
      }
      if (fromBeginning) {
        throw new MixtureError(
          'empty-source',
          `source "${source.name}" has no items; give it data or take it out of the mixture`,
          source.name,
        );
      }
      if (source.whenExhausted !== 'repeat') {
        this.ended = true;
        return false;
      }
      if (limits.epochs !== undefined && this.epochs + 1 >= limits.epochs) {
        this.epochs++;
        return this.#endAtLimit();
      }
      await iterator.return?.();
      this.#iterator = undefined;
      this.#saved = undefined;
      this.epochs++;
    }
  }

  /** Hands out the item read ahead. */
  deliver(): { source: string; item: T; cost: number } {
    const { item, cost } = this.head!;
    this.head = undefined;
    this.#ahead = false;
    this.delivered += cost;
    this.items++;
    return { source: this.source.name, item, cost };
  }

  /** State of the source before any item read ahead; `undefined` at its beginning. */
  state(): unknown {
    return this.#ahead ? this.#saved : this.#iterator!.state();
  }

  /** Frees the source; its state stays. */
  async close(): Promise<void> {
    this.#saved = this.state();
    this.#ahead = true;
    await this.#iterator?.return?.();
  }

  #endAtLimit(): false {
    this.ended = true;
    this.limited = true;
    return false;
  }
}
