/** The orders that webdataset's own shuffles give under CPython; and that going on from anywhere gives the rest of them. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadShardsOptions, readShards, type ShardPosition } from './index.ts';
import { goldenCases } from './testing/golden.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

interface Input {
  n: number;
  seed: number;
  bufsize: number;
  initial: number;
  epoch?: number;
}

/** `count` samples over shards of `perShard`. */
function numbered(count: number, perShard = 7): { shards: string[]; source: ReturnType<typeof memorySource> } {
  const shards: Record<string, Uint8Array> = {};
  for (let from = 0; from === 0 || from < count; from += perShard) {
    const names = Array.from({ length: Math.min(perShard, count - from) }, (_, i) => `${from + i}.txt`);
    const bytes = tarOf('README', ...names);
    shards[`s${from}`] = from % 2 === 0 ? bytes : gzipSync(bytes);
  }
  return { shards: Object.keys(shards), source: memorySource(shards, 4000) };
}

async function orderOf(count: number, options: ReadShardsOptions): Promise<number[]> {
  const { shards, source } = numbered(count);
  const order: number[] = [];
  for await (const { key } of readShards(shards, { source, ...options })) order.push(Number(key));
  return order;
}

const cases = goldenCases<Input, { order: number[] }>('webdataset_shuffle');
/** Mixtures are the business of a sampler over readers; resampling draws shards without end and is not offered. */
const elsewhere = new Set(['RandomMix', 'RoundRobin', 'ResampledShards-deterministic']);

describe('shuffles as webdataset shuffles', () => {
  it('has cases, all of known kinds', () => {
    const kinds = new Set(cases.map(({ kind }) => kind));
    for (const kind of elsewhere) kinds.delete(kind);
    expect([...kinds].sort()).toEqual(['SimpleShardList', 'detshuffle', 'shuffle-list-input']);
  });

  it.each(cases.filter(({ kind }) => kind === 'SimpleShardList'))('$id shards $input', ({ input, expected }) => {
    const shards = Array.from({ length: input.n }, (_, i) => `${i}`);
    const reader = readShards(shards, { shuffleShards: { seed: input.seed, compatible: 'SimpleShardList' }, epoch: 3 });
    expect(reader.shards.map(Number)).toEqual(expected.order);
  });

  it.each(cases.filter(({ kind }) => kind === 'detshuffle' || kind === 'shuffle-list-input'))(
    '$id $kind $input',
    async ({ input: { n, seed, bufsize, initial, epoch = 0 }, expected }) => {
      const shuffle = { seed, buffer: bufsize, initial };
      expect(await orderOf(n, { shuffleSamples: shuffle, epoch })).toEqual(expected.order);
      if (n === 0) return; // no list of no shards
      const shards = Array.from({ length: n }, (_, i) => `${i}`);
      expect(readShards(shards, { shuffleShards: shuffle, epoch }).shards.map(Number)).toEqual(expected.order);
    },
  );
});

describe('a buffer shuffle goes on', () => {
  it('between any two samples as without interruption, also when it is stopped again at once', async () => {
    const settings = fc.record({
      count: fc.nat(40),
      buffer: fc.integer({ min: 1, max: 12 }),
      initial: fc.integer({ min: 1, max: 15 }),
      seed: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      epoch: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ count, epoch, ...shuffleSamples }) => {
        const { shards, source } = numbered(count);
        const options = { source, shuffleSamples };
        const reader = readShards(shards, { ...options, epoch });
        const states = [reader.state()];
        const all: string[] = [];
        for await (const { key } of reader) {
          all.push(key);
          states.push(reader.state());
        }
        expect(all.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        for (const [done, state] of states.entries()) {
          const saved: ShardPosition = JSON.parse(JSON.stringify(state));
          const resumed = readShards(shards, { ...options, state: saved });
          expect(resumed.state()).toEqual(saved);
          const rest: string[] = [];
          for await (const { key } of resumed) {
            rest.push(key);
            if (rest.length === 1) expect(resumed.state()).toEqual(states[done + 1]);
          }
          expect(rest).toEqual(all.slice(done));
          expect(resumed.counts().samples).toBe(rest.length);
        }
        expect(source.unclosed.size).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('reads nothing before the oldest sample that was held', async () => {
    const { shards, source } = numbered(400, 50);
    const options = { source, shuffleSamples: { seed: 1, buffer: 10 } };
    const reader = readShards(shards, options);
    for (let i = 0; i < 300; i++) await reader.next();
    const state = reader.state();
    expect(state.shard).toBeGreaterThan(3);
    source.opened.length = 0;
    for await (const _ of readShards(shards, { ...options, state }));
    expect(source.opened[0]!.shard).toBe(shards[state.shard]);
  });

  it('refuses a state that does not fit', async () => {
    const { shards, source } = numbered(30);
    const options = { source, shuffleSamples: { seed: 1, buffer: 5 } };
    const reader = readShards(shards, options);
    for (let i = 0; i < 9; i++) await reader.next();
    const state = reader.state();
    const { list: _, ...bare } = state;
    expect(() => readShards(shards, { source, state: bare })).toThrow(/shuffleSamples/);
    expect(() => readShards(shards, { source, shuffleSamples: { seed: 2, buffer: 5 }, state })).toThrow(/another seed/);
    const wrong = (buffer: object) => ({ ...bare, buffer: { ...bare.buffer!, ...buffer } });
    expect(() => readShards(shards, { ...options, state: wrong({ pulled: -1 }) })).toThrow(/state.buffer.pulled/);
    for (const buffer of [{ returned: 20 }, { pulled: 1000, returned: 990 }, { oldest: 12 }]) {
      await expect(readShards(shards, { ...options, state: wrong(buffer) }).next()).rejects.toMatchObject({
        code: 'invalid-state',
      });
    }
  });

  it('refuses options that webdataset could not have', () => {
    const refused = (options: object, message: RegExp): void => expect(() => readShards('s', options)).toThrow(message);
    refused(
      { shuffleSamples: { seed: 'a', buffer: 3 } },
      /shuffleSamples.seed: webdataset takes a whole number, got "a"/,
    );
    refused({ shuffleSamples: { seed: 1, buffer: 0 } }, /shuffleSamples.buffer/);
    refused({ shuffleSamples: { seed: 1, buffer: 3, initial: 0 } }, /shuffleSamples.initial/);
    refused({ shuffleSamples: { seed: 1, buffer: 3, window: 3 } }, /not both/);
    refused({ shuffleShards: { seed: 1.5, compatible: 'SimpleShardList' } }, /shuffleShards.seed/);
    refused({ shuffleShards: { seed: 1, compatible: 'detshuffle' } }, /shuffleShards.compatible/);
  });
});
