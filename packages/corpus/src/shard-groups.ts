import { join, relative, resolve } from 'node:path';
import { type ShardWriter, writeShards } from 'webdataset-ts';
import type { ShardEntry } from './manifest.ts';
import type { PlainSample } from './units.ts';

/** One writer for each group, opened when its first sample comes. */
export class ShardGroups {
  readonly #root: string;
  readonly #maxSamples: number;
  readonly #writers = new Map<string, ShardWriter>();

  constructor(root: string, maxSamples: number) {
    this.#root = root;
    this.#maxSamples = maxSamples;
  }

  async add(group: string, sample: PlainSample): Promise<void> {
    let writer = this.#writers.get(group);
    if (!writer) {
      // `eval/open-vqa` → eval/open-vqa-000000.tar
      const [folder, prefix] = group.split('/') as [string, string];
      writer = writeShards({ directory: join(this.#root, folder), prefix, maxSamples: this.#maxSamples });
      this.#writers.set(group, writer);
    }
    await writer.add(sample);
  }

  async close(): Promise<Record<string, ShardEntry[]>> {
    const groups: Record<string, ShardEntry[]> = {};
    for (const [group, writer] of [...this.#writers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const { shards } = await writer.close();
      groups[group] = shards.map((shard) => ({
        ...shard,
        path: relative(this.#root, resolve(shard.path)).replaceAll('\\', '/'),
      }));
    }
    return groups;
  }

  /** Gives up: lets go of every file and removes the unfinished ones. */
  async abort(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.abort()));
  }
}
