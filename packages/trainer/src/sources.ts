/**
 * From readers to training items, without losing the place. Each helper takes a function that opens a source (at its beginning, or where
 * a state says) and returns another such function, so that they nest. Their iterators take one call at a time and fail for good when a step
 * fails; `state()` is then the one before it.
 *
 *     limitSource(filterSource(mapSource(openShards, encode), keep), { max: 1_000_000, cost: (item) => item.tokens.length })
 */
import { fromArray, oneCallAtATime, type ResumableIterator } from '@vlm/mixture-sampler';
import { TrainerError } from './trainer-error.ts';
import type { OpenSource, SourcedItem, TrainingItem } from './training-item.ts';

/** A source over an array in memory. */
export function arraySource<T>(items: readonly T[]): OpenSource<T> {
  return (state) => fromArray(items, state);
}

/**
 * Applies `map` to every item, in order.
 *
 * @param options.ahead how many items are mapped at the same time, ahead of the one asked for (decoding images); default 1, none ahead
 * @throws whatever `map` throws, when its item's turn has come
 */
export function mapSource<A, B>(
  open: OpenSource<A>,
  map: (item: A) => B | Promise<B>,
  options: { ahead?: number } = {},
): OpenSource<B> {
  const ahead = options.ahead ?? 1;
  if (!Number.isInteger(ahead) || ahead < 1) {
    throw new TrainerError('bad-option', `Map: expected ahead to be an integer of at least 1, got ${ahead}.`);
  }
  return async (state, pass) => {
    const source = await open(state, pass);
    const queue: { mapped: Promise<B>; after: unknown }[] = [];
    let position: unknown = source.state();
    let ended = false;
    return oneCallAtATime({
      async next() {
        while (!ended && queue.length < ahead) {
          const { done, value } = await source.next();
          if (done) {
            ended = true;
            break;
          }
          const mapped = (async () => map(value))();
          mapped.catch(() => undefined); // reported when its turn has come
          queue.push({ mapped, after: source.state() });
        }
        const first = queue.shift();
        if (!first) {
          position = source.state();
          return { done: true, value: undefined };
        }
        const value = await first.mapped;
        position = first.after;
        return { done: false, value };
      },
      state: () => position,
      return: async () => source.return?.(),
    });
  };
}

/** State of {@link filterSource}: what was left out so far, by reason. */
export interface FilterState {
  source: unknown;
  skipped: Record<string, number>;
}

/**
 * Leaves items out, counted: nothing is dropped in silence.
 *
 * @param keep true, or the reason why the item is left out
 * @param onSkip told of every item left out, with the counts so far
 */
export function filterSource<T>(
  open: OpenSource<T>,
  keep: (item: T) => true | string,
  onSkip?: (item: T, reason: string, skipped: Record<string, number>) => void,
): OpenSource<T> {
  return async (state, pass) => {
    const earlier = state as FilterState | undefined;
    const source = await open(earlier?.source, pass);
    const skipped = new Map(Object.entries(earlier?.skipped ?? {}));
    return oneCallAtATime({
      async next() {
        for (;;) {
          const result = await source.next();
          if (result.done) return result;
          const verdict = keep(result.value);
          if (verdict === true) return result;
          skipped.set(verdict, (skipped.get(verdict) ?? 0) + 1);
          onSkip?.(result.value, verdict, Object.fromEntries(skipped));
        }
      },
      state: (): FilterState => ({ source: source.state(), skipped: Object.fromEntries(skipped) }),
      return: async () => source.return?.(),
    });
  };
}

/** State of {@link limitSource}. */
export interface LimitState {
  source: unknown;
  spent: number;
}

/**
 * Ends a source once the items given out have cost at least `max`; the item that crosses the limit is the last.
 *
 * @param options.max in the unit of `cost`, for instance tokens
 */
export function limitSource<T>(
  open: OpenSource<T>,
  options: { max: number; cost: (item: T) => number },
): OpenSource<T> {
  const { max, cost } = options;
  if (!(max >= 0))
    throw new TrainerError('bad-option', `Limit: expected max to be a number of at least 0, got ${max}.`);
  return async (state, pass) => {
    const earlier = state as LimitState | undefined;
    const source = await open(earlier?.source, pass);
    let spent = earlier?.spent ?? 0;
    return oneCallAtATime({
      async next() {
        if (spent >= max) return { done: true, value: undefined };
        const result = await source.next();
        if (result.done) return result;
        const price = cost(result.value);
        if (!Number.isFinite(price) || price < 0) {
          throw new TrainerError('bad-option', `Limit: expected cost to give a number of at least 0, got ${price}.`);
        }
        spent += price;
        return result;
      },
      state: (): LimitState => ({ source: source.state(), spent }),
      return: async () => source.return?.(),
    });
  };
}

/**
 * Repeats a source for a number of passes (epochs) over its data; the source is told which pass it is, to seed a shuffle with.
 *
 * @throws TrainerError `data-exhausted` after a whole pass without an item, which all others would be like
 */
export function repeatSource<T>(open: OpenSource<T>, epochs: number): OpenSource<T> {
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new TrainerError('bad-option', `Repeat: expected epochs to be an integer of at least 1, got ${epochs}.`);
  }
  return async (state) => {
    const earlier = state as { epoch: number; source: unknown } | undefined;
    let epoch = earlier?.epoch ?? 0;
    let source = await open(earlier?.source, { epoch });
    let isEmpty = earlier?.source === undefined;
    return oneCallAtATime({
      async next() {
        for (;;) {
          const result = await source.next();
          if (!result.done) isEmpty = false;
          if (!result.done || epoch + 1 >= epochs) return result;
          if (isEmpty) {
            throw new TrainerError(
              'data-exhausted',
              `Repeat: expected items in every pass, got none in pass ${epoch} of ${epochs}; is the source empty, or all of it filtered out?`,
            );
          }
          await source.return?.();
          epoch++;
          isEmpty = true;
          source = await open(undefined, { epoch });
        }
      },
      state: () => ({ epoch, source: source.state() }),
      return: async () => source.return?.(),
    });
  };
}

/** Names the items of a single source, as a mixture names those of many. */
export function namedSource(source: string, open: OpenSource<TrainingItem>): OpenSource<SourcedItem> {
  return mapSource(open, (item) => ({ source, item }));
}

/** All that is left of an iterator, for tests and small sets. */
export async function collect<T>(iterator: ResumableIterator<T>): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) return items;
    items.push(value);
  }
}
