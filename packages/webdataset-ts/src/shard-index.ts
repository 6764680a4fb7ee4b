/**
 * Where each sample of a shard begins: `SHARD.idx.json`, `{ "version": 1, "bytes": …, "samples": [["key", offset], …] }`. Offsets count bytes
 * of the shard, so that any program can read one sample by a seek or a range request.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import type { ByteSource } from './byte-source.ts';
import { checkedLimits } from './check-read-options.ts';
import { compressionOfShard } from './decompress.ts';
import { WebDatasetError } from './errors.ts';
import { pathOf } from './file-source.ts';
import type { ReadLimits } from './limits.ts';
import { formatOfName, readShard, type ShardFormat } from './read-shard.ts';
import { sourceByScheme } from './source-by-scheme.ts';

/** The samples of one shard in order: key and offset of the first header (or of the line). */
export interface ShardIndex {
  version: 1;
  /** Size of the shard, where its source could tell. */
  bytes?: number | undefined;
  samples: (readonly [key: string, offset: number])[];
}

/** How a shard is read for or by its index. */
export interface IndexOptions {
  source?: ByteSource | undefined;
  limits?: Partial<ReadLimits> | undefined;
  /** Default: by name, as in `readShards`. */
  format?: ShardFormat | undefined;
}

/** Name of a shard's index. */
export function indexPath(shard: string): string {
  return `${shard}.idx.json`;
}

/**
 * Reads a shard through once and notes where its samples begin.
 *
 * @throws WebDatasetError as `readShards` does for shards with faults; `unsupported` for compressed ones, which have no random access
 */
export async function indexShard(shard: string, options: IndexOptions = {}): Promise<ShardIndex> {
  const { source = sourceByScheme(), format = formatOfName(shard) } = options;
  const compression = await compressionOfShard(source, shard);
  if (compression !== 'none') {
    const message = `compressed with ${compression}, so that single samples cannot be reached; unpack the shard to index it`;
    throw new WebDatasetError('unsupported', message, { shard });
  }
  const samples: [string, number][] = [];
  let offset = 0;
  const from = { sample: 0, offset };
  const limits = checkedLimits(options.limits);
  for await (const events of readShard(shard, { source, format, limits, compatible: false, window: 1, from })) {
    for (const event of events) {
      if (event.kind === 'problem') throw event.problem;
      if (event.kind !== 'sample') continue;
      samples.push([event.sample.key, offset]);
      offset = event.next?.offset ?? offset;
    }
  }
  const bytes = (await source.identify?.(shard))?.bytes;
  return { version: 1, ...(bytes !== undefined && { bytes }), samples };
}

/**
 * Writes the index of a shard on this machine beside it, whole or not at all; the same shard gives the same bytes.
 *
 * @param shard path or `file:` address
 * @returns path of the index
 */
export async function writeShardIndex(shard: string, index?: ShardIndex): Promise<string> {
  const path = indexPath(pathOf(shard));
  const partial = `${path}.partial`;
  const { version, bytes, samples } = index ?? (await indexShard(shard));
  try {
    await writeFile(partial, `${JSON.stringify({ version, bytes, samples })}\n`);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return path;
}

/** @throws WebDatasetError `corrupt` for text that is no index */
export function parseShardIndex(text: string, path: string): ShardIndex {
  const wrong = (what: string): WebDatasetError =>
    new WebDatasetError('corrupt', `${path} is not an index of a shard: ${what}; write it again with writeShardIndex`);
  let index: ShardIndex;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (index?.version !== 1 || !Array.isArray(index.samples)) throw wrong('expected version 1 with a list of samples');
  const { bytes } = index;
  if (bytes !== undefined && !Number.isSafeInteger(bytes))
    throw wrong(`expected bytes as a whole number, got ${JSON.stringify(bytes)}`);
  let last = -1;
  for (const [i, entry] of index.samples.entries()) {
    const [key, offset] = Array.isArray(entry) ? entry : [];
    if (typeof key !== 'string' || !Number.isSafeInteger(offset) || offset! <= last)
      throw wrong(`sample ${i}: expected a key and a growing offset, got ${JSON.stringify(entry)}`);
    last = offset!;
  }
  return { version: 1, ...(bytes !== undefined && { bytes }), samples: index.samples };
}
