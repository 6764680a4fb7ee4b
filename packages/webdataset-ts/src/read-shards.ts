import { type ByteSource, fileSource } from './byte-source.ts';
import { WebDatasetError } from './errors.ts';
import { expandShards } from './expand-shards.ts';
import { defaultReadLimits, type ReadLimits } from './limits.ts';
import { createRandom, shuffled } from './random.ts';
import { readShard, type Sample } from './read-shard.ts';

/** Where a reader is, as plain JSON. */
export interface ShardPosition {
  epoch: number;
  /** Index into the list of this epoch, that is, after shuffling. */
  shard: number;
  /** Number of the next sample in that shard. */
  sample: number;
  /** Offset of its first header in the uncompressed archive. */
  offset: number;
  /** Fingerprint of the shard names and the seed, so that a position is not used with another list. */
  list?: string;
}

/** How shards are read. */
export interface ReadShardsOptions {
  /** Shuffles the order of shards, differently in every epoch. */
  shuffleShards?: { seed: number | string } | undefined;
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
  const { shuffleShards, state, onBroken = 'error', compatible = false, source = fileSource } = options;
  if (onBroken !== 'error' && typeof onBroken !== 'function') {
    throw new WebDatasetError(
      'invalid-argument',
      `onBroken: expected "error" or a function, got ${JSON.stringify(onBroken)}`,
    );
  }
  const limits = checkedLimits(options.limits);
  const expanded = expandShards(shards);
  if (expanded.length === 0)
    throw new WebDatasetError('invalid-argument', 'expected at least one shard, got an empty list');
  const epoch = options.epoch ?? state?.epoch ?? 0;
  if (!Number.isInteger(epoch) || epoch < 0)
    throw new WebDatasetError('invalid-argument', `epoch: expected a whole number from 0, got ${epoch}`);
  const list = fingerprint(expanded, shuffleShards?.seed);
  const order =
    shuffleShards === undefined ? expanded : shuffled(expanded, createRandom(`${shuffleShards.seed}/${epoch}`));
  const position: Required<ShardPosition> = { epoch, shard: 0, sample: 0, offset: 0, list };
  if (state !== undefined) Object.assign(position, checkedState(state, epoch, order.length, list), { list });

  const counts: ReadCounts = { samples: 0, droppedSamples: 0, brokenShards: 0, ignoredMembers: 0 };
  let failure: unknown;
  const moveTo = (shard: number, sample: number, offset: number): void => {
    Object.assign(position, { shard, sample, offset });
  };

  async function* samples(): AsyncGenerator<Sample, undefined> {
    while (position.shard < order.length) {
      const { shard } = position;
      for await (const event of readShard(order[shard]!, { source, limits, compatible, from: position })) {
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
  return reader;
}

function checkedLimits(given: Partial<ReadLimits> = {}): ReadLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaultReadLimits)) {
      throw new WebDatasetError(
        'invalid-argument',
        `limits: expected one of ${Object.keys(defaultReadLimits).join(', ')}, got ${JSON.stringify(name)}`,
      );
    }
    if (!(value > 0))
      throw new WebDatasetError('invalid-argument', `limits.${name}: expected a positive number, got ${value}`);
  }
  return { ...defaultReadLimits, ...given };
}

function checkedState(state: ShardPosition, epoch: number, shards: number, list: string): ShardPosition {
  for (const name of ['epoch', 'shard', 'sample', 'offset'] as const) {
    if (!Number.isSafeInteger(state[name]) || state[name] < 0) {
      throw new WebDatasetError(
        'invalid-state',
        `state.${name}: expected a whole number from 0, got ${state[name]}; was it made by state() of a shard reader?`,
      );
    }
  }
  if (state.epoch !== epoch)
    throw new WebDatasetError(
      'invalid-state',
      `state is of epoch ${state.epoch}, the option says ${epoch}; leave the option away`,
    );
  if (state.shard > shards)
    throw new WebDatasetError('invalid-state', `state is at shard ${state.shard}, but the list has only ${shards}`);
  if (state.list !== undefined && state.list !== list) {
    throw new WebDatasetError(
      'invalid-state',
      'state was taken with other shards or another seed; open the same list in the same order',
    );
  }
  return state;
}

/** FNV-1a over file names (folders may move) and seed. */
function fingerprint(shards: readonly string[], seed: number | string | undefined): string {
  let hash = 0xcbf29ce484222325n;
  for (const text of [
    ...shards.map((shard) => shard.slice(shard.lastIndexOf('/') + 1)),
    seed === undefined ? '' : `seed ${seed}`,
  ]) {
    for (const byte of Buffer.from(`${text}\n`)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
