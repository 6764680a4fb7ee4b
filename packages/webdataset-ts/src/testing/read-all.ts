import { expect } from 'vitest';
import { type ReadCounts, type ReadShardsOptions, readShards, type Sample, type WebDatasetError } from '../index.ts';
import { memorySource } from './tar-bytes.ts';

/** One line a sample: shard, number, key, members. */
export async function readAll(reader: AsyncIterable<Sample>): Promise<string[]> {
  const read: string[] = [];
  for await (const { shard, index, key, members } of reader) {
    read.push(
      `${shard}#${index} ${key} ${Object.entries(members).map(([suffix, bytes]) => `${suffix}=${Buffer.from(bytes)}`)}`,
    );
  }
  return read;
}

/** Reads shards from memory and collects the faults. */
export async function readWithFaults(
  shards: Record<string, Uint8Array>,
  options: ReadShardsOptions = {},
): Promise<{ samples: string[]; faults: WebDatasetError[]; counts: ReadCounts }> {
  const faults: WebDatasetError[] = [];
  const source = memorySource(shards);
  const reader = readShards(Object.keys(shards), { source, onBroken: (fault) => faults.push(fault), ...options });
  const samples = await readAll(reader);
  expect(source.unclosed.size).toBe(0);
  return { samples, faults, counts: reader.counts() };
}
