/**
 * Damaged shards and arrays, from a seed: each must end, in samples or in faults of this package.
 * More of them: `FUZZ_INPUTS=100000 FUZZ_SEED=7 npx vitest run packages/webdataset-ts/src/fuzz.test.ts`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeNpy, npzDecoder, readShards, WebDatasetError } from './index.ts';
import { createRandom, type Random } from './random.ts';
import { altered, memorySource } from './testing/tar-bytes.ts';

const inputs = Number(process.env['FUZZ_INPUTS'] ?? 1500);
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const slowestMs = 5000;
const limits = { maxMemberBytes: 1 << 22, maxSampleBytes: 1 << 23, maxZeroBytes: 1 << 22 };
const fixtures = join(import.meta.dirname, '../fixtures');
const corpus = ['webdataset', 'numpy', '.']
  .flatMap((folder) => readdirSync(join(fixtures, folder), { withFileTypes: true }).map((entry) => ({ entry, folder })))
  .filter(({ entry }) => entry.isFile() && /\.(tar|gz|zst|npy|npz)$/.test(entry.name))
  .map(({ entry, folder }) => ({
    name: entry.name,
    bytes: new Uint8Array(readFileSync(join(fixtures, folder, entry.name))),
  }))
  .filter(({ bytes }) => bytes.length > 0 && bytes.length < 1 << 16);

const upTo = (random: Random, end: number): number => Math.floor(random() * end);

/** One to four changes: bytes, cuts, doublings, pieces of another file, and headers whose checksums are right again. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let left = 1 + upTo(random, 4); left > 0; left--) {
    const at = upTo(random, out.length);
    const size = upTo(random, Math.min(2000, out.length - at) + 1);
    const kind = upTo(random, 7);
    if (kind === 0) out[at] = upTo(random, 256);
    else if (kind === 1) out[at]! ^= 1 << upTo(random, 8);
    else if (kind === 2) out = out.slice(0, at);
    else if (kind === 3) out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + size)]);
    else if (kind === 4) out = Uint8Array.from([...out.subarray(0, at + size), ...out.subarray(at)]);
    else if (kind === 5) {
      const other = corpus[upTo(random, corpus.length)]!.bytes;
      out.set(other.subarray(0, out.length - at).subarray(0, size), at);
    } else if (out.length >= 512) {
      const block = 512 * upTo(random, Math.floor(out.length / 512));
      const field = [0, 100, 124, 136, 156, 257, 345][upTo(random, 7)]!;
      out[block + field + upTo(random, 12)] = [0, 0x20, 0x2f, 0x37, 0x78, 0x80, 0xff][upTo(random, 7)]!;
      out.set(altered(out.subarray(block, block + 512), {}), block);
    }
    if (out.length === 0) return out;
  }
  return out;
}

async function readShard(name: string, bytes: Uint8Array, random: Random): Promise<void> {
  const source = memorySource({ [name]: bytes }, 1 + upTo(random, 5000));
  const regroup = { window: 1 + upTo(random, 3) };
  const reader = readShards(name, {
    source,
    limits,
    regroup,
    compatible: random() < 0.3,
    format: random() < 0.1 ? 'jsonl' : undefined,
    onBroken: (fault) => expect(WebDatasetError.isInstance(fault)).toBe(true),
  });
  for await (const { members } of reader) {
    const total = Object.values(members).reduce((sum, member) => sum + member.length, 0);
    expect(total).toBeLessThanOrEqual(limits.maxSampleBytes);
  }
  expect(source.unclosed.size).toBe(0);
}

it(
  `${inputs} damaged inputs: no crash, no hang`,
  async () => {
    expect(corpus.length).toBeGreaterThan(100);
    const random = createRandom(`fuzz/${seed}`);
    const failed: string[] = [];
    for (let i = 0; i < inputs; i++) {
      const { name, bytes } = corpus[upTo(random, corpus.length)]!;
      const input = mutated(bytes, random);
      const start = performance.now();
      try {
        if (name.endsWith('.npy')) decodeNpy(input);
        else if (name.endsWith('.npz')) npzDecoder({ maxBytes: 1 << 22 })(input);
        else await readShard(name, input, random);
      } catch (error) {
        if (!WebDatasetError.isInstance(error)) failed.push(`input ${i} of ${name}: ${(error as Error).stack}`);
      }
      if (performance.now() - start > slowestMs) failed.push(`input ${i} of ${name}: over ${slowestMs} ms`);
    }
    expect(failed).toEqual([]);
  },
  120_000 + inputs * 20,
);
