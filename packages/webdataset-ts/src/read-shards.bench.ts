import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, bench, describe } from 'vitest';
import { readShards, writeShards } from './index.ts';

const megabytes = 64;
const folder = mkdtempSync(join(tmpdir(), 'webdataset-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Bytes that gzip can do little with. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let x = 1;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

const sizes = [
  ['1 KiB pictures', 1 << 10],
  ['64 KiB pictures', 1 << 16],
] as const;

async function write(prefix: string, pictureBytes: number, format: 'tar' | 'tar.gz' = 'tar'): Promise<void> {
  const picture = noise(pictureBytes);
  const writer = writeShards({ directory: folder, prefix, format });
  for (let i = 0; i < (megabytes * 2 ** 20) / pictureBytes; i++) {
    await writer.add({ key: `${i}`, members: { png: picture, txt: 'a red fox' } });
  }
  await writer.close();
}

for (const [, pictureBytes] of sizes) {
  await write(`read-${pictureBytes}`, pictureBytes);
  await write(`read-${pictureBytes}`, pictureBytes, 'tar.gz');
}

for (const [name, pictureBytes] of sizes) {
  describe(`${megabytes} MiB of ${name} with captions`, () => {
    const options = { iterations: 3, warmupIterations: 1, time: 0, warmupTime: 0 };
    for (const format of ['tar', 'tar.gz'] as const) {
      bench(
        `read ${format}`,
        async () => {
          for await (const _ of readShards(join(folder, `read-${pictureBytes}-000000.${format}`)));
        },
        options,
      );
    }
    bench('write tar', () => write(`write-${pictureBytes}`, pictureBytes), options);
  });
}
