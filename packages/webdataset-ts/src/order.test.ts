/** Samples whose members are scattered, and samples shared out among readers: laws that hold for any archive. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadShardsOptions, readShards, type ShardPosition } from './index.ts';
import { readAll, readWithFaults } from './testing/read-all.ts';
import { memorySource, tarOf } from './testing/tar-bytes.ts';

describe('regroup', () => {
  it('puts a sample together whose members are not neighbours, and counts it', async () => {
    const s = tarOf('a.txt', 'b.txt', 'a.json', 'b.json', 'c.txt');
    const { samples, counts, faults } = await readWithFaults({ s }, { regroup: { window: 2 } });
    expect(samples).toEqual(['s#0 a txt=a.txt,json=a.json', 's#1 b txt=b.txt,json=b.json', 's#2 c txt=c.txt']);
    expect(faults).toEqual([]);
    expect(counts).toMatchObject({ samples: 3, regrouped: 2 });
  });

  it('reports what comes back too late, and says what to raise', async () => {
    const s = tarOf('a.txt', 'b.txt', 'c.txt', 'a.json', 'd.txt');
    const { samples, faults } = await readWithFaults({ s }, { regroup: { window: 2 } });
    expect(samples).toEqual(['s#0 a txt=a.txt', 's#1 b txt=b.txt', 's#2 c txt=c.txt', 's#4 d txt=d.txt']);
    expect(faults).toMatchObject([
      { code: 'duplicate-key', offset: 3072, message: expect.stringContaining('raise regroup.window') },
    ]);
  });

  it('with a window as long as the shard gives the samples of the sorted archive; resuming anywhere changes nothing', async () => {
    const names = fc.uniqueArray(fc.tuple(fc.nat(7), fc.constantFrom('txt', 'json', 'png')), {
      selector: String,
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 9 }), async (members, window) => {
        const shards = { s: tarOf(...members.map(([key, suffix]) => `k${key}.${suffix}`)), t: tarOf('z.txt') };
        let faults = 0;
        const options: ReadShardsOptions = {
          source: memorySource(shards, 3000),
          regroup: { window },
          onBroken: () => faults++,
        };
        const line = ({ key, index, members: m }: { key: string; index: number; members: object }): string =>
          `${key}#${index} ${Object.keys(m).sort()}`;
        const all: string[] = [];
        const reader = readShards(['s', 't'], options);
        const states = [reader.state()];
        for await (const sample of reader) {
          all.push(line(sample));
          states.push(reader.state());
        }
        if (window === 9) {
          const keys = [...new Set(members.map(([key]) => key))];
          const sorted = keys.map(
            (key, i) =>
              `k${key}#${i} ${members
                .filter(([k]) => k === key)
                .map(([, s]) => s)
                .sort()}`,
          );
          expect(all).toEqual([...sorted, 'z#0 txt']);
        }
        if (faults > 0) return; // which keys came before is not remembered by a position
        for (const [done, state] of states.entries()) {
          const saved: ShardPosition = JSON.parse(JSON.stringify(state));
          expect(saved.scattered?.length ?? 0).toBeLessThan(window);
          const rest: string[] = [];
          for await (const sample of readShards(['s', 't'], { ...options, state: saved })) rest.push(line(sample));
          expect(rest).toEqual(all.slice(done));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('refuses a window that is none, and a state of another', async () => {
    expect(() => readShards('s', { regroup: { window: 0 } })).toThrow(/regroup.window/);
    const state = readShards('s', { regroup: { window: 3 } }).state();
    expect(() => readShards('s', { regroup: { window: 4 }, state })).toThrow(/other shards/);
    expect(() => readShards('s', { state: { ...state, scattered: [1] as never } })).toThrow(/state.scattered/);
  });
});

describe('split', () => {
  const shards = (count: number, format: 'tar' | 'jsonl') =>
    Object.fromEntries(
      Array.from({ length: count }, (_, s) => {
        const keys = Array.from({ length: 3 + ((s * 5) % 7) }, (_, i) => `s${s}-${i}`);
        return format === 'tar'
          ? [`${s}.tar`, tarOf(...keys.map((key) => `${key}.txt`))]
          : [`${s}.jsonl`, Buffer.from(keys.map((key) => `{"key":"${key}"}\n`).join(''))];
      }),
    );

  it('hands out every sample exactly once over all readers, also where shards do not divide, shuffled and resumed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom('tar' as const, 'jsonl' as const),
        fc.boolean(),
        fc.nat(20),
        async (shardCount, count, format, shuffle, stop) => {
          const all = shards(shardCount, format);
          const source = memorySource(all);
          const order = shuffle ? { shuffleShards: { seed: 1 }, shuffleSamples: { seed: 2, window: 4 } } : {};
          const read: string[][] = [];
          for (let index = 0; index < count; index++) {
            const options = { source, ...order, split: { index, count } };
            const reader = readShards(Object.keys(all), options);
            const ids: string[] = [];
            for (let i = 0; i < stop; i++) {
              const { value } = await reader.next();
              if (value !== undefined) ids.push(`${value.shard}#${value.index}`);
            }
            const state = JSON.parse(JSON.stringify(reader.state()));
            await reader.return();
            for await (const sample of readShards(Object.keys(all), { ...options, state }))
              ids.push(`${sample.shard}#${sample.index}`);
            read.push(ids);
          }
          const straight = await readAll(readShards(Object.keys(all), { source }));
          expect(read.flat().sort()).toEqual(straight.map((line) => line.split(' ')[0]).sort());
          if (shardCount < count)
            for (const ids of read) expect(ids.length).toBeGreaterThanOrEqual(Math.floor(3 / count));
        },
      ),
      { numRuns: 80 },
    );
  });

  it('tells each fault of a sample to the one reader whose sample it is', async () => {
    const source = memorySource({ s: tarOf('a.txt', 'b.txt', 'b.TXT', 'c.txt') });
    const told: number[] = [];
    for (const index of [0, 1]) {
      let faults = 0;
      const reader = readShards('s', { source, split: { index, count: 2 }, onBroken: () => faults++ });
      for await (const _ of reader);
      told.push(faults);
      expect(reader.counts()).toMatchObject(
        index === 0 ? { samples: 2, droppedSamples: 0 } : { samples: 0, droppedSamples: 1 },
      );
    }
    expect(told).toEqual([0, 1]);
  });

  it('refuses shares that are none', () => {
    expect(() => readShards('s', { split: { index: 2, count: 2 } })).toThrow(/0 ≤ index < count/);
  });
});
