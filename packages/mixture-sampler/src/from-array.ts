import { MixtureError } from './mixture-error.ts';
import type { ResumableIterator } from './types.ts';

/** Position in an array. */
export interface ArrayState {
  /** Index of the next item. */
  index: number;
}

/**
 * Items of an array as a resumable iterator.
 *
 * @param state what `state()` returned earlier; absent to begin at the beginning
 * @throws MixtureError `invalid-state` when the state is not a position in this array
 * @example
 * const source = { name: 'text', weight: 3, open: (state) => fromArray(documents, state), cost: (d) => d.length, whenExhausted: 'stop' };
 */
export function fromArray<T>(items: readonly T[], state?: unknown): ResumableIterator<T, ArrayState> {
  let index = 0;
  if (state !== undefined) {
    const saved = (state as Partial<ArrayState> | null)?.index;
    if (!Number.isInteger(saved) || saved! < 0 || saved! > items.length) {
      throw new MixtureError(
        'invalid-state',
        `expected { index } from 0 to ${items.length}, got ${JSON.stringify(state)}; is it the same array?`,
      );
    }
    index = saved!;
  }
  return {
    next: async () =>
      index < items.length ? { done: false, value: items[index++]! } : { done: true, value: undefined },
    state: () => ({ index }),
  };
}
