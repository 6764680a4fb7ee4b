import { ByteReader } from './byte-reader.ts';
import type { ByteSource, ShardIdentity } from './byte-source.ts';
import { checkedLimits } from './check-read-options.ts';
import { WebDatasetError } from './errors.ts';
import { formatOfName, readOpened } from './read-shard.ts';
import type { Sample } from './sample-groups.ts';
import { type IndexOptions, indexPath, parseShardIndex, type ShardIndex } from './shard-index.ts';
import { sourceByScheme } from './source-by-scheme.ts';

/** A shard whose samples can be read in any order. */
export interface OpenedShard {
  /** Number of samples. */
  readonly length: number;
  /** Keys in order. */
  readonly keys: readonly string[];
  /** Number of the sample with this key; -1 if there is none. */
  indexOf(key: string): number;
  /** Reads one sample: one seek or range request. @throws WebDatasetError `corrupt` when the shard is not the one that was indexed */
  sample(index: number): Promise<Sample>;
}

/**
 * Opens a shard for random access, by its index `SHARD.idx.json` or one that is given.
 *
 * @throws WebDatasetError `unreadable` without an index; `corrupt` for one that is damaged, or of a shard of another size
 * @example
 * const shard = await openShard('data/train-000000.tar');
 * const { members } = await shard.sample(shard.indexOf('000042'));
 */
export async function openShard(
  shard: string,
  options: IndexOptions & { index?: ShardIndex } = {},
): Promise<OpenedShard> {
  const { source = sourceByScheme(), format = formatOfName(shard) } = options;
  const limits = checkedLimits(options.limits);
  const { samples, bytes: indexed } = options.index ?? (await loadIndex(shard, source));
  const identity = await identityOf(source, shard);
  if (identity !== undefined && indexed !== undefined && identity.bytes !== indexed) {
    const message = `expected ${indexed} bytes as the index says, got ${identity.bytes}; the shard is not the one that was indexed: index it again`;
    throw new WebDatasetError('corrupt', message, { shard });
  }
  const numbers = new Map(samples.map(([key], i) => [key, i]));
  return {
    length: samples.length,
    keys: samples.map(([key]) => key),
    indexOf: (key) => numbers.get(key) ?? -1,
    async sample(index) {
      const entry = samples[index];
      if (entry === undefined) {
        const message = `expected a sample from 0 to ${samples.length - 1}, got ${index}`;
        throw new WebDatasetError('invalid-argument', message, { shard });
      }
      const [key, offset] = entry;
      if (identity !== undefined && (await identityOf(source, shard))?.version !== identity.version) {
        const message = 'was replaced or written to since it was opened; open it again';
        throw new WebDatasetError('corrupt', message, { shard, offset, key });
      }
      const end = samples[index + 1]?.[1];
      const length = end === undefined ? undefined : end - offset;
      const bytes = new ByteReader(source.open(shard, offset, { length, reuse: true }), offset);
      const from = { sample: index, offset };
      for await (const events of readOpened(shard, bytes, { format, limits, compatible: true, window: 1, from })) {
        for (const event of events) {
          if (event.kind === 'problem' && event.problem.code !== 'corrupt') throw event.problem;
          if (event.kind === 'sample' && event.sample.key === key) return event.sample;
          if (event.kind !== 'ignored') throw stale(shard, key, offset);
        }
      }
      throw stale(shard, key, offset);
    },
  };
}

async function identityOf(source: ByteSource, shard: string): Promise<ShardIdentity | undefined> {
  try {
    return await source.identify?.(shard);
  } catch (error) {
    throw new WebDatasetError('unreadable', `cannot be read: ${(error as Error).message}`, { shard }, error);
  }
}

function stale(shard: string, key: string, offset: number): WebDatasetError {
  const message = `expected sample ${JSON.stringify(key)} as the index says; the shard is not the one that was indexed: index it again`;
  return new WebDatasetError('corrupt', message, { shard, offset, key });
}

async function loadIndex(shard: string, source: ByteSource): Promise<ShardIndex> {
  const path = indexPath(shard);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of source.open(path, 0)) chunks.push(chunk);
  } catch (error) {
    const message = `random access needs its index ${path}, which cannot be read (${(error as Error).message}); make it with writeShardIndex, or give { index: await indexShard(…) }`;
    throw new WebDatasetError('unreadable', message, { shard }, error);
  }
  return parseShardIndex(Buffer.concat(chunks).toString(), path);
}
