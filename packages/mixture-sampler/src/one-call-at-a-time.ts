import type { ResumableIterator } from './types.ts';

/**
 * Makes an iterator that may be asked for several items at once: calls take their turn, in the order in which they were made, and `state()`
 * is the one after the last that was answered. A failed call fails all later ones, so that nothing it had begun to use is lost in silence:
 * who opens anew from `state()` gets everything.
 *
 * @param steps the iterator for one call at a time; its `state()` is asked for after each
 * @example const source = oneCallAtATime(fromArray(['a', 'b']));
 */
export function oneCallAtATime<T, State>(steps: ResumableIterator<T, State>): ResumableIterator<T, State> {
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  let state = steps.state();

  async function step(): Promise<IteratorResult<T, undefined>> {
    if (closed) return { done: true, value: undefined };
    const result = await steps.next();
    state = steps.state();
    return result;
  }

  return {
    next() {
      const result = turn.then(step);
      turn = result;
      return result;
    },
    state: () => state,
    async return() {
      await turn.catch(() => undefined);
      if (closed) return;
      closed = true;
      await steps.return?.();
    },
  };
}
