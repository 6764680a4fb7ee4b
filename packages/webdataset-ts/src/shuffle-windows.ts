import { WebDatasetError } from './errors.ts';
import { inTurns } from './in-turns.ts';
import { createRandom, shuffled } from './random.ts';
import type { ShardPosition, ShardReader } from './read-shards.ts';
import type { Sample } from './sample-groups.ts';

/**
 * Shuffles a reader's samples window by window. A window's order is a function of the seed and of where it begins, so that the state is
 * that place and a count, where a rolling buffer would have to remember every sample it holds.
 *
 * @param taken samples of the first window that were returned before
 */
export function shuffleWindows(
  inner: ShardReader,
  { seed, window: size }: { seed: number | string; window: number },
  taken: number,
): ShardReader {
  let start: ShardPosition = { ...inner.state(), taken };
  let samples: Sample[] | undefined;
  let at = taken;
  let returned = 0;

  async function fill(): Promise<Sample[]> {
    const { epoch, shard, sample } = inner.state();
    const window: Sample[] = [];
    while (window.length < size) {
      const next = await inner.next();
      if (next.done) break;
      window.push(next.value);
    }
    if (at > window.length || (at > 0 && at === window.length)) {
      throw new WebDatasetError(
        'invalid-state',
        `state.taken is ${at}, but the window has ${window.length} samples; was it taken with another window?`,
      );
    }
    return shuffled(window, createRandom(`${seed}/${epoch}/${shard}/${sample}`));
  }

  async function step(): Promise<IteratorResult<Sample, undefined>> {
    samples ??= await fill();
    const value = samples[at];
    if (value === undefined) return { done: true, value: undefined };
    at++;
    returned++;
    if (at < samples.length) start.taken = at;
    else {
      start = { ...inner.state(), taken: 0 };
      samples = undefined;
      at = 0;
    }
    return { done: false, value };
  }

  const turns = inTurns(step);
  const reader: ShardReader = {
    ...inner,
    next: turns.call,
    state: () => ({ ...start }),
    counts: () => ({ ...inner.counts(), samples: returned }),
    async return() {
      await turns.settled();
      samples = [];
      return inner.return();
    },
    [Symbol.asyncIterator]: () => reader,
  };
  return reader;
}
