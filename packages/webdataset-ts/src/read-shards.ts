import {
  type BufferPosition,
  type BufferShuffle,
  shuffleByBuffer,
  shuffledAsSimpleShardList,
  shuffledByBuffer,
} from './buffer-shuffle.ts';
import type { ByteSource } from './byte-source.ts';
import { checkedLimits, checkedState, checkReadOptions, fingerprint, pathsFingerprint } from './check-read-options.ts';
import { WebDatasetError } from './errors.ts';
import { expandShards } from './expand-shards.ts';
import { inTurns } from './in-turns.ts';
import type { ReadLimits } from './limits.ts';
import { createRandom, shuffled } from './random.ts';
import { formatOfName, readShard, type ShardFormat } from './read-shard.ts';
import type { Sample, SamplePosition } from './sample-groups.ts';
import { shuffleWindows } from './shuffle-windows.ts';
import { sourceByScheme } from './source-by-scheme.ts';
import { splitShards } from './split-shards.ts';

/** Where a reader is, as plain JSON. */
export interface ShardPosition extends SamplePosition {
  epoch: number;
  /** Index into the reader's list of this epoch, that is, after shuffling and splitting. */
  shard: number;
  /** With `shuffleSamples`: how many samples of the window that begins here were returned. */
  taken?: number;
  /** With a buffer in `shuffleSamples`: what was handed out; the position is that of the oldest sample in the buffer. */
  buffer?: BufferPosition;
  /** Fingerprint of the shard names and the seed, so that a position is not used with another list. */
  list?: string;
  /** Fingerprint of the paths below the folder that the shards share; absent from positions of earlier versions, which are taken as they are. */
  paths?: string;
}

/** How shards are read. */
export interface ReadShardsOptions {
  /**
   * Shuffles the order of shards, differently in every epoch. With `buffer`: as webdataset's `detshuffle(buffer, initial, seed)` does; with
   * `compatible`: as its `SimpleShardList(urls, seed)` does, which is one order for all epochs.
   */
  shuffleShards?:
    | { seed: number | string }
    | { seed: number; compatible: 'SimpleShardList' }
    | BufferShuffle
    | undefined;
  /**
   * Shuffles samples within windows of so many neighbours, which are held in memory. Resuming reads the
   * current window again. Choose a window of several shards' samples to mix shards.
   *
   * With `buffer` instead of `window`: exactly the order of webdataset's `detshuffle(buffer, initial, seed)`. Resuming reads again from the
   * oldest sample in the buffer on.
   */
  shuffleSamples?: { seed: number | string; window: number } | BufferShuffle | undefined;
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
   * passed over, reading ends at the first end marker, and none is needed. `'openlm'`: the same with OpenLM's grouping, where a second
   * member of one suffix begins another sample of that key. Default false: these are faults.
   */
  compatible?: boolean | 'openlm' | undefined;
  /**
   * Shares the data with other readers that are given the same list, seed and `count`: over all of them every sample comes once. Each has
   * as many whole shards as the next; shards that are left over are read by all, and each takes every `count`-th sample.
   */
  split?: { index: number; count: number } | undefined;
  /**
   * Puts samples together whose members are not neighbours: a sample stays open until `window` further keys have begun, so that many are
   * held in memory. `counts().regrouped` says how often it was needed. Default: members must be neighbours.
   */
  regroup?: { window: number } | undefined;
  /** What shards hold. Default: by name, `jsonl` for `.jsonl` and `.ndjson` (also `.gz`, `.zst`), else `tar`. */
  format?: ShardFormat | undefined;
  /** Limits against hostile archives. */
  limits?: Partial<ReadLimits> | undefined;
  /** Where the bytes come from. Default: {@link sourceByScheme}: files, HTTP(S), `-` for standard input. */
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
  /** Files whose names belong to no sample, empty lines. */
  ignoredMembers: number;
  /** Samples that `regroup` put together. */
  regrouped: number;
}

/** Samples, one by one, with a position that can be saved between any two. */
export interface ShardReader extends AsyncIterable<Sample> {
  /** Shards in the order of this epoch. */
  readonly shards: readonly string[];
  /**
   * Calls may overlap: they are answered in turn, and one that fails fails all behind it.
   *
   * @throws WebDatasetError unless `onBroken` is a function
   */
  next(): Promise<IteratorResult<Sample, undefined>>;
  /** Where the reader is: reopening with it yields exactly the samples not yet returned by `next`; a call under way has returned nothing yet. */
  state(): ShardPosition;
  /** Counts since this reader was opened. */
  counts(): ReadCounts;
  /** Closes what is open. */
  return(): Promise<IteratorResult<Sample, undefined>>;
}

/**
 * Reads WebDataset shards (tar, tar.gz, tar.zst) and text shards (jsonl, jsonl.gz, jsonl.zst), sample by sample.
 *
 * @param shards patterns as {@link expandShards} takes them; a path that is to be taken as it is goes through {@link literalShard}
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
  const {
    shuffleShards,
    shuffleSamples,
    state,
    onBroken = 'error',
    compatible = false,
    source = sourceByScheme(),
    format,
  } = options;
  const window = options.regroup?.window ?? 1;
  checkReadOptions(options);
  const limits = checkedLimits(options.limits);
  const expanded = expandShards(shards);
  if (expanded.length === 0)
    throw new WebDatasetError('invalid-argument', 'expected at least one shard, got an empty list');
  const epoch = options.epoch ?? state?.epoch ?? 0;
  const list = fingerprint(
    expanded,
    JSON.stringify([
      shuffleShards?.seed,
      shuffleSamples?.seed,
      shuffleSamples && ('window' in shuffleSamples ? shuffleSamples.window : shuffleSamples),
      ...(options.split === undefined && window === 1 ? [] : [options.split, window]),
      ...(shuffleShards !== undefined && Object.keys(shuffleShards).length > 1 ? [shuffleShards] : []),
      ...(compatible === 'openlm' ? [compatible] : []),
    ]),
  );
  const { order, shared } = shareOf(orderOf(expanded, shuffleShards, epoch), options.split);
  const paths = pathsFingerprint(expanded);
  const position: ShardPosition = { epoch, shard: 0, sample: 0, offset: 0, list, paths };
  if (state !== undefined) {
    const windows = shuffleSamples !== undefined && 'window' in shuffleSamples;
    const buffers = shuffleSamples !== undefined && 'buffer' in shuffleSamples;
    if ((state.taken && !windows) || (state.buffer && !buffers)) {
      throw new WebDatasetError('invalid-state', 'state was taken with shuffleSamples; give the same option again');
    }
    const { shard, sample, offset, scattered } = checkedState(state, epoch, order.length, { list, paths });
    Object.assign(position, { shard, sample, offset }, scattered && { scattered });
  }

  const counts: ReadCounts = { samples: 0, droppedSamples: 0, brokenShards: 0, ignoredMembers: 0, regrouped: 0 };
  const moveTo = (shard: number, { sample, offset, scattered }: SamplePosition): void => {
    position.shard = shard;
    position.sample = sample;
    position.offset = offset;
    if (scattered !== undefined) position.scattered = scattered;
    else if (position.scattered !== undefined) delete position.scattered;
  };

  async function* samples(): AsyncGenerator<Sample, undefined> {
    while (position.shard < order.length) {
      const { shard } = position;
      const name = order[shard]!;
      const handfuls = readShard(name, {
        source,
        limits,
        compatible,
        window,
        format: format ?? formatOfName(name),
        from: { ...position },
        wanted: shard < shared.from ? undefined : shared.wanted,
      });
      for await (const events of handfuls) {
        for (const event of events) {
          if (event.kind === 'sample') {
            if (event.next === undefined) moveTo(shard + 1, atStart);
            else moveTo(shard, event.next);
            yield event.sample;
          } else if (event.kind === 'problem') {
            if (onBroken === 'error') throw event.problem;
            if (event.whole) counts.brokenShards++;
            onBroken(event.problem);
          } else counts[counterOf[event.kind]]++;
        }
      }
      moveTo(shard + 1, atStart);
    }
    return undefined;
  }

  const stream = samples();
  let answered = { ...position }; // the generator moves on before its sample has reached the caller

  async function step(): Promise<IteratorResult<Sample, undefined>> {
    const result = await stream.next();
    answered = { ...position };
    if (!result.done) counts.samples++;
    return result;
  }

  const turns = inTurns(step); // after a fault the generator only ends, and an end that is not the end must not look like one
  const reader: ShardReader = {
    shards: order,
    next: turns.call,
    state: () => ({ ...answered }),
    counts: () => ({ ...counts }),
    async return() {
      await turns.settled();
      return stream.return(undefined);
    },
    [Symbol.asyncIterator]: () => reader,
  };
  if (shuffleSamples === undefined) return reader;
  return 'window' in shuffleSamples
    ? shuffleWindows(reader, shuffleSamples, state?.taken ?? 0)
    : shuffleByBuffer(reader, shuffleSamples, state?.buffer);
}

const atStart: SamplePosition = { sample: 0, offset: 0 };
const counterOf = { dropped: 'droppedSamples', ignored: 'ignoredMembers', regrouped: 'regrouped' } as const;

/** The shards in the order of an epoch. */
function orderOf(shards: string[], shuffle: ReadShardsOptions['shuffleShards'], epoch: number): string[] {
  if (shuffle === undefined) return shards;
  if ('buffer' in shuffle) return shuffledByBuffer(shards, shuffle, epoch);
  if ('compatible' in shuffle) return shuffledAsSimpleShardList(shards, shuffle.seed);
  return shuffled(shards, createRandom(`${shuffle.seed}/${epoch}`));
}

/** The shards of one of several readers: its whole ones and, from `shared.from` on, those of which it takes some samples. */
function shareOf(
  shards: readonly string[],
  split: ReadShardsOptions['split'],
): { order: readonly string[]; shared: { from: number; wanted?: (index: number) => boolean } } {
  if (split === undefined) return { order: shards, shared: { from: shards.length } };
  const { index, count } = split;
  const whole = shards.length - (shards.length % count);
  const own = splitShards(shards.slice(0, whole), index, count);
  return {
    order: [...own, ...shards.slice(whole)],
    shared: { from: own.length, wanted: (sample) => sample % count === index },
  };
}
