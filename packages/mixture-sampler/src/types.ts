/** The contract that every source of training data keeps: items in a fixed order, and a position that can be saved between any two. */
export interface ResumableIterator<T, State = unknown> {
  next(): Promise<IteratorResult<T, undefined>>;
  /** Where the iterator is, as plain JSON: reopening with it yields exactly the items not yet returned by `next`. */
  state(): State;
  /** Frees what is open. */
  return?(): Promise<unknown>;
}

/** What happens when a source is used up: the mixture ends, the source begins again, or the others share its part. */
export type WhenExhausted = 'stop' | 'repeat' | 'renormalise';

/** One source of a mixture. */
export interface MixtureSource<T> {
  /** Unique name; saved states refer to it. */
  name: string;
  /** Relative weight; shares are weight / sum of weights. */
  weight: number;
  /**
   * Opens the source at its beginning, or where an earlier state() said.
   *
   * @param state what `state()` of this source's iterator returned; absent to begin at the beginning
   * @param pass which pass over the source this is, from 0 (more than 0 only with `repeat`): seed a shuffle with it
   */
  open(state?: unknown, pass?: { epoch: number }): ResumableIterator<T> | Promise<ResumableIterator<T>>;
  /** Cost of one item in the unit of the shares (tokens, samples, patches). Positive. */
  cost(item: T): number;
  whenExhausted: WhenExhausted;
}

/** An item with the source that it came from. */
export interface MixtureItem<T> {
  source: string;
  item: T;
  cost: number;
}

/** Where a mixture is: small, plain JSON. All records are by source name. */
export interface MixtureState {
  version: 1;
  /** Cost delivered. */
  delivered: Record<string, number>;
  /** Items delivered. */
  items: Record<string, number>;
  /** Passes completed. */
  epochs: Record<string, number>;
  /** State of each source's iterator, before any item that was read ahead; absent where the source is at its beginning. */
  sources: Record<string, unknown>;
  /** Sources that are used up for good. */
  ended: string[];
}

/** `exact`: shares hold at every moment. `random`: each step draws, shares hold in expectation. */
export type MixturePolicy = 'exact' | { kind: 'random'; seed: number };

/** What {@link createMixture} takes. */
export interface MixtureOptions<T> {
  sources: MixtureSource<T>[];
  /** Goes on where `state()` of an earlier mixture was. */
  state?: MixtureState | undefined;
  /** Default `exact`. */
  policy?: MixturePolicy | undefined;
}
