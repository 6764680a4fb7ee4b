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

/** What a source gives at most, whatever it has. A source at a limit is used up. */
export interface SourceLimits {
  /** Passes over the source, a whole number of at least 1. For `repeat`; the other two give one pass anyway. */
  epochs?: number | undefined;
  /** Items, a whole number of at least 1. */
  items?: number | undefined;
  /** Cost: the source never delivers more; an item that would cross the limit is not delivered. Positive. */
  cost?: number | undefined;
}

/** One source of a mixture. */
export interface MixtureSource<T> {
  /** Unique name; saved states refer to it. */
  name: string;
  /** Relative weight; shares are weight / sum of weights. Left out, by all sources, where the mixture has a `schedule`. */
  weight?: number | undefined;
  /**
   * Opens the source at its beginning, or where an earlier state() said.
   *
   * @param state what `state()` of this source's iterator returned; absent to begin at the beginning
   * @param pass which pass over the source this is, from 0 (more than 0 only with `repeat`): seed a shuffle with it
   */
  open(state?: unknown, pass?: { epoch: number }): ResumableIterator<T> | Promise<ResumableIterator<T>>;
  /**
   * Where the first pass begins, if not at the beginning: what `state()` of another iterator of this source returned, say where an earlier run stopped
   * reading. Later passes begin at the beginning; at the end of the source the first pass is empty.
   */
  from?: unknown;
  /** Cost of one item in the unit of the shares (tokens, samples, patches). Positive. */
  cost(item: T): number;
  whenExhausted: WhenExhausted;
  limits?: SourceLimits | undefined;
  /** What happens at a limit: as `whenExhausted` unless given; to be given where that is `repeat`. */
  whenLimited?: 'stop' | 'renormalise' | undefined;
}

/** Shares from one moment of training on. */
export interface ScheduleKnot {
  /** Total cost delivered by the whole mixture (tokens, say) at which the weights are these. The first knot is at 0. */
  at: number;
  /** Relative weight of every source by name, from 0; shares are weight / sum of weights. */
  weights: Record<string, number>;
  /** How shares come here from the knot before: at once (`step`, the default), in a straight line, or along half a cosine. */
  ramp?: 'step' | 'linear' | 'cosine' | undefined;
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
  /** Those of them that had come to one of their limits; absent where none had. */
  limited?: string[];
  /** With a schedule, once a source has ended for good: the total at that moment and what the remaining ones should have had. */
  origin?: { total: number; targets: Record<string, number> };
  /** With the policy `per-batch`: batches drawn so far, and items left to deliver of the last one, from its source. */
  batch?: { draws: number; left: number; source: string };
}

/**
 * `exact`: shares hold at every moment. `random`: each step draws, shares hold in expectation. `per-batch`: a draw by weight alone
 * gives the next `items` items to one source, so that whole batches come from it (OpenLM's rule, with a seed).
 */
export type MixturePolicy =
  | 'exact'
  | { kind: 'random'; seed: number }
  | { kind: 'per-batch'; seed: number; items: number };

/** What {@link createMixture} takes. */
export interface MixtureOptions<T> {
  sources: MixtureSource<T>[];
  /** Weights that change as training goes on; in place of those of the sources. */
  schedule?: ScheduleKnot[] | undefined;
  /** Goes on where `state()` of an earlier mixture was. */
  state?: MixtureState | undefined;
  /** Default `exact`. */
  policy?: MixturePolicy | undefined;
}

/** How one source stands. */
export interface SourceReport {
  name: string;
  /** Cost that it should have delivered by now. */
  target: number;
  delivered: number;
  /** target − delivered: positive where the source is late. */
  behind: number;
  /** Its part of all that was delivered, 0 to 1; 0 before the first item. */
  share: number;
  items: number;
  /** Passes completed. */
  epochs: number;
  /** Why it gives no more, or `null`. */
  ended: 'exhausted' | 'limit' | null;
}

/** How a mixture stands: counts for a log, computed when asked for. */
export interface MixtureReport {
  /** Cost delivered in all. */
  total: number;
  sources: SourceReport[];
  /** The source whose end ended the mixture; `null` while it goes on, and where every source has given all it had. */
  stoppedBy: string | null;
}

/** What {@link createMixture} returns. */
export interface Mixture<T> extends ResumableIterator<MixtureItem<T>, MixtureState> {
  report(): MixtureReport;
  return(): Promise<unknown>;
}
