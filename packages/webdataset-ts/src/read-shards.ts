import { type ByteSource, fileSource } from './byte-source.ts';
import { checkedLimits, checkedState, checkReadOptions, fingerprint } from './check-read-options.ts';
import { WebDatasetError } from './errors.ts';
import { expandShards } from './expand-shards.ts';
import type { ReadLimits } from './limits.ts';
import { createRandom, shuffled } from './random.ts';
import { readShard, type Sample } from './read-shard.ts';
import { shuffleWindows } from './shuffle-windows.ts';

/** Where a reader is, as plain JSON. */
export interface ShardPosition {
  epoch: number;
  /** Index into the list of this epoch, that is, after shuffling. */
  shard: number;
  /** Number of the next sample in that shard. */
  sample: number;
  /** Offset of its first header in the uncompressed archive. */
  offset: number;
  /** With `shuffleSamples`: how many samples of the window that begins here were returned. */
  taken?: number;
  /** Fingerprint of the shard names and the seed, so that a position is not used with another list. */
  list?: string;
}

/** How shards are read. */
export interface ReadShardsOptions {
  /** Shuffles the order of shards, differently in every epoch. */
  shuffleShards?: { seed: number | string } | undefined;
  /**
   * Shuffles samples within windows of so many neighbours, which are held in memory. Resuming reads the
   * current window again. Choose a window of several shards' samples to mix shards.
   */
  shuffleSamples?: { seed: number | string; window: number } | undefined;
  /** Which pass over the data this is. It matters to shuffling only. Default 0, or what `state` says. */
  epoch?: number | undefined;
  /** Goes on where `state()` of an earlier reader was. */
  state?: ShardPosition | undefined;
  /**
   * `error` (default): a fault ends reading with that error. A function: it is told of the fault, the broken sample or the rest of the
   * broken shard is left out and counted, and reading goes on.
   */
  onBroken?: 'error' | ((problem: WebDatasetError) => void) | undefined;
  /**
   * Delivers what Python's webdataset would where the two differ by choice: a key that comes back is a sample of its own, links are
   * passed over, reading ends at the first end marker, and none is needed. Default false: these are faults.
   */
  compatible?: boolean | undefined;
  /** Limits against hostile archives. */
  limits?: Partial<ReadLimits> | undefined;
  /** Where the bytes come from. Default: files. */
  source?: ByteSource | undefined;
}

/** What a reader has seen so far; nothing is lost without being counted. */
export interface ReadCounts {
  /** Samples handed out. */
  samples: number;
  /** Samples left out because they were broken. */
  droppedSamples: number;
  /** Shards of which the rest was left out. */
  brokenShards: number;
  /** Files whose names belong to no sample. */
  ignoredMembers: number;
}

/** Samples, one by one, with a position that can be saved between any two. */
export interface ShardReader extends AsyncIterable<Sample> {
  /** Shards in the order of this epoch. */
  readonly shards: readonly string[];
  /** @throws WebDatasetError unless `onBroken` is a function */
  next(): Promise<IteratorResult<Sample, undefined>>;
  /** Where the reader is: reopening with it yields exactly the samples not yet returned by `next`. */
  state(): ShardPosition;
  /** Counts since this reader was opened. */
  counts(): ReadCounts;
  /** Closes what is open. */
  return(): Promise<IteratorResult<Sample, undefined>>;
}

/**
 * Reads WebDataset shards (tar, tar.gz, tar.zst), sample by sample.
 *
 * @param shards patterns as {@link expandShards} takes them
 * @throws WebDatasetError `invalid-argument` or `invalid-state` at once; from `next`: `unreadable`, `truncated`, `corrupt`, `limit`,
 *   `unsupported`, `duplicate-member`, `duplicate-key`, with shard and offset
 * @example
 * const reader = readShards('data/train-{000000..000009}.tar', { shuffleShards: { seed: 1 } });
 * for await (const { key, members } of reader) {
 *   const caption = new TextDecoder().decode(members.txt);
 * }
 * // later: readShards(…, { shuffleShards: { seed: 1 }, state: reader.state() })
 */
export function readShards(shards: string | readonly string[], options: ReadShardsOptions = {}): ShardReader {
  const { shuffleShards, shuffleSamples, state, onBroken = 'error', compatible = false, source = fileSource } = options;
  checkReadOptions(options);
  const limits = checkedLimits(options.limits);
  const expanded = expandShards(shards);
  if (expanded.length === 0)
    throw new WebDatasetError('invalid-argument', 'expected at least one shard, got an empty list');
  const epoch = options.epoch ?? state?.epoch ?? 0;
  const list = fingerprint(
    expanded,
    JSON.stringify([shuffleShards?.seed, shuffleSamples?.seed, shuffleSamples?.window]),
  );
  const order =
    shuffleShards === undefined ? expanded : shuffled(expanded, createRandom(`${shuffleShards.seed}/${epoch}`));
  const position: ShardPosition = { epoch, shard: 0, sample: 0, offset: 0, list };
  if (state !== undefined) {
    if (state.taken && shuffleSamples === undefined) {
      throw new WebDatasetError('invalid-state', 'state was taken with shuffleSamples; give the same option again');
    }
    const { shard, sample, offset } = checkedState(state, epoch, order.length, list);
    Object.assign(position, { shard, sample, offset });
  }

  const counts: ReadCounts = { samples: 0, droppedSamples: 0, brokenShards: 0, ignoredMembers: 0 };
  let failure: unknown;
  const moveTo = (shard: number, sample: number, offset: number): void => {
    Object.assign(position, { shard, sample, offset });
  };

  async function* samples(): AsyncGenerator<Sample, undefined> {
    while (position.shard < order.length) {
      const { shard } = position;
      for await (const event of readShard(order[shard]!, { source, limits, compatible, from: { ...position } })) {
        if (event.kind === 'sample') {
          counts.samples++;
          if (event.next === undefined) moveTo(shard + 1, 0, 0);
          else moveTo(shard, event.sample.index + 1, event.next);
          yield event.sample;
        } else if (event.kind === 'problem') {
          if (onBroken === 'error') throw event.problem;
          if (event.whole) counts.brokenShards++;
          onBroken(event.problem);
        } else if (event.kind === 'dropped') counts.droppedSamples++;
        else counts.ignoredMembers++;
      }
      moveTo(shard + 1, 0, 0);
    }
    return undefined;
  }

  const stream = samples();
  const reader: ShardReader = {
    shards: order,
    async next() {
      if (failure !== undefined) throw failure; // an end that is not the end must not look like one
      try {
        return await stream.next();
      } catch (error) {
        failure = error;
        throw error;
      }
    },
    state: () => ({ ...position }),
    counts: () => ({ ...counts }),
    return: () => stream.return(undefined),
    [Symbol.asyncIterator]: () => reader,
  };
  return shuffleSamples === undefined ? reader : shuffleWindows(reader, shuffleSamples, state?.taken ?? 0);
}
