import { MixtureError } from './mixture-error.ts';
import { oneCallAtATime } from './one-call-at-a-time.ts';
import type { ResumableIterator } from './types.ts';

/**
 * One of several readers of the same order: of every round of `world` items, reader `rank` gets item `rank`. Each reader runs the whole
 * iterator (a mixture, say) for itself and keeps its part, so readers need no messages to agree.
 *
 * The state is the iterator's own, always between two rounds, and the same for all readers that have taken equally many items. So a run
 * saved by any number of readers goes on with any other: the items, in order of round and rank, are those of one reader alone.
 *
 * As every reader reads everything, let what it reads be light (places in an index, each with its cost), and load the items behind them
 * after this step.
 *
 * @param iterator opened at its beginning or at a state of this function's result
 * @param options.rank from 0 to world − 1
 * @param options.world number of readers
 * @returns the reader's part; where the last round is not full, some readers end one item earlier
 * @throws MixtureError `invalid-argument`
 * @example
 * const mine = takeTurns(createMixture({ sources, state }), { rank: 1, world: 4 }); // items 1, 5, 9, … behind the state
 */
export function takeTurns<T, State>(
  iterator: ResumableIterator<T, State>,
  { rank, world }: { rank: number; world: number },
): ResumableIterator<T, State> {
  if (!Number.isSafeInteger(world) || world < 1)
    throw new MixtureError('invalid-argument', `expected world to be a whole number of at least 1, got ${world}`);
  if (!Number.isSafeInteger(rank) || rank < 0 || rank >= world)
    throw new MixtureError(
      'invalid-argument',
      `expected rank to be a whole number from 0 to ${world - 1}, got ${rank}`,
    );

  async function round(): Promise<IteratorResult<T, undefined>> {
    let own: IteratorResult<T, undefined> = { done: true, value: undefined };
    for (let place = 0; place < world; place++) {
      const result = await iterator.next();
      if (result.done) break;
      if (place === rank) own = result;
    }
    return own;
  }

  return oneCallAtATime({ next: round, state: () => iterator.state(), return: async () => iterator.return?.() });
}
