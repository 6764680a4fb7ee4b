/**
 * One contestant of the shard benchmark in a process of its own, as Python's is: `read-shard.ts PATH (ours | zlib)` reads the shard twice
 * and prints the seconds of the second pass, when the code is compiled and the file in memory.
 */
import { createReadStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createGunzip } from 'node:zlib';
import { readShards } from 'webdataset-ts';

const [path, who] = process.argv.slice(2) as [string, 'ours' | 'zlib'];

async function pass(): Promise<void> {
  const unpacked = (): AsyncIterable<unknown> =>
    createReadStream(path, { highWaterMark: 1 << 20 }).pipe(createGunzip({ chunkSize: 1 << 20 }));
  for await (const _ of who === 'ours' ? readShards(path) : unpacked());
}

await pass();
const start = performance.now();
await pass();
console.log((performance.now() - start) / 1000);
