import { mkdir, mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { corpusSettings } from '@vlm/corpus';
import { writeShards } from 'webdataset-ts';

/** A 2 × 2 red PNG, written by hand: signature, IHDR, IDAT, IEND. */
export const redPng: Uint8Array = Uint8Array.from(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==',
    'base64',
  ),
);

export interface TinySample {
  key: string;
  members: Record<string, string | Uint8Array>;
}

/** Writes a corpus of a few samples by group, with a manifest that `@vlm/corpus` reads. Returns its folder. */
export async function tinyCorpus(groups: Record<string, TinySample[]>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tiny-corpus-'));
  const shards: Record<string, { path: string; samples: number; bytes: number; sha256: string }[]> = {};
  for (const [group, samples] of Object.entries(groups)) {
    const [folder, prefix] = group.split('/') as [string, string];
    await mkdir(join(directory, folder), { recursive: true });
    const writer = writeShards({ directory: join(directory, folder), prefix: `${prefix}-`, maxSamples: 100 });
    for (const sample of samples) await writer.add(sample);
    const written = await writer.close();
    shards[group] = await Promise.all(
      written.shards.map(async (shard) => {
        const path = join(folder, basename(shard.path));
        return { path, samples: shard.samples, bytes: (await stat(join(directory, path))).size, sha256: shard.sha256 };
      }),
    );
  }
  const counts = {
    samples: Object.fromEntries(Object.entries(groups).map(([group, samples]) => [group, samples.length])),
  };
  await writeFile(
    join(directory, 'manifest.json'),
    JSON.stringify({ format: 'staged-vlm-corpus', version: 1, settings: corpusSettings('smoke'), shards, counts }),
  );
  return directory;
}
