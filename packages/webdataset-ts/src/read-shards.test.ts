import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadShardsOptions, readShards, type ShardPosition } from './index.ts';
import { readAll, readWithFaults } from './testing/read-all.ts';
import { memorySource, tarOf, temporaryFolder } from './testing/tar-bytes.ts';

const good = tarOf('a.txt', 'a.json', 'b.txt', 'b.json');

describe('reading', () => {
  it('groups neighbouring members and says where they came from', async () => {
    const folder = temporaryFolder({ 'x.tar': good, 'y.tar': tarOf(['c.TXT', 'upper']) });
    expect(await readAll(readShards([`${folder}/x.tar`, `${folder}/y.tar`]))).toEqual([
      `${folder}/x.tar#0 a txt=a.txt,json=a.json`,
      `${folder}/x.tar#1 b txt=b.txt,json=b.json`,
      `${folder}/y.tar#0 c txt=upper`,
    ]);
  });

  it('tells compression by content, not by name: gzip, zstd of several frames', async () => {
    const plain = readFileSync(join(import.meta.dirname, '../fixtures/webdataset/basic-ustar.tar'));
    const zstd = readFileSync(join(import.meta.dirname, '../fixtures/basic-ustar-frames.tar.zst'));
    const [expected, ...others] = await Promise.all(
      [plain, gzipSync(plain), zstd].map(async (bytes) => (await readWithFaults({ s: bytes })).samples),
    );
    expect(expected).toHaveLength(3);
    for (const samples of others) expect(samples).toEqual(expected);
  });

  it('gives members memory of their own', async () => {
    const source = memorySource({ s: good }, 1 << 20);
    const reader = readShards('s', { source });
    const { value } = await reader.next();
    for (const bytes of Object.values(value!.members)) expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it('keeps members that are called like parts of JavaScript', async () => {
    const { samples } = await readWithFaults({ s: tarOf('__proto__.txt', 'a.__proto__', 'b.constructor') });
    expect(samples).toEqual([
      's#0 __proto__ txt=__proto__.txt',
      's#1 a __proto__=a.__proto__',
      's#2 b constructor=b.constructor',
    ]);
  });

  it('counts files that belong to no sample', async () => {
    const { samples, counts } = await readWithFaults({
      s: tarOf('README', 'a.txt', '__meta__/x.txt', 'LICENSE', 'a.json'),
    });
    expect(samples).toEqual(['s#0 a txt=a.txt,json=a.json']);
    expect(counts).toEqual({ samples: 1, droppedSamples: 0, brokenShards: 0, ignoredMembers: 3, regrouped: 0 });
  });

  it('reads all members of a gzip file, wherever they and the chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40_000 }),
        fc.nat(good.length),
        fc.nat(60_000),
        async (chunkBytes, cut, zeros) => {
          const zipped = Buffer.concat([
            gzipSync(good.subarray(0, cut)),
            gzipSync(good.subarray(cut)),
            new Uint8Array(zeros),
          ]);
          const source = memorySource({ s: zipped }, chunkBytes);
          expect(await readAll(readShards('s', { source }))).toHaveLength(2);
        },
      ),
      { numRuns: 40, examples: [[1 << 14, 2048, 60_000]] },
    );
  });

  it('does not depend on how the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), fc.boolean(), async (chunkBytes, zip) => {
        const source = memorySource({ s: zip ? gzipSync(good) : good }, chunkBytes);
        expect(await readAll(readShards('s', { source }))).toEqual([
          's#0 a txt=a.txt,json=a.json',
          's#1 b txt=b.txt,json=b.json',
        ]);
      }),
      { numRuns: 40 },
    );
  });

  it('answers calls that overlap in turn; none behind a fault looks like the end', async () => {
    const source = memorySource({ s: good.subarray(0, -1024) });
    for (const shuffleSamples of [undefined, { seed: 1, window: 1 }, { seed: 1, buffer: 1 }]) {
      const reader = readShards('s', { source, shuffleSamples });
      const calls = Array.from({ length: 5 }, () => reader.next());
      const answers = (await Promise.allSettled(calls)).map((answer) =>
        answer.status === 'fulfilled' ? (answer.value.value?.key ?? 'end') : answer.reason.code,
      );
      expect(answers).toEqual(['a', 'truncated', 'truncated', 'truncated', 'truncated']);
      expect(reader.counts().samples).toBe(1);
    }
  });

  it('closes its source when the caller stops early, also with a call under way', async () => {
    for (const bytes of [good, gzipSync(good)]) {
      const source = memorySource({ s: bytes }, 64);
      for await (const _ of readShards('s', { source })) break;
      expect(source.unclosed.size).toBe(0);
      const reader = readShards('s', { source });
      const call = reader.next();
      await reader.return();
      expect((await call).value?.key).toBe('a');
      expect(await reader.next()).toEqual({ done: true, value: undefined });
      expect(source.unclosed.size).toBe(0);
    }
  });
});

describe('resume', () => {
  const content = fc.string({ maxLength: 1200 });
  const shard = fc
    .record({
      samples: fc.array(fc.array(content, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
      zip: fc.boolean(),
      long: fc.boolean(),
    })
    .map(({ samples, zip, long }) => {
      const name = (s: number, m: number): string => `${long ? 'd/'.repeat(80) : ''}${s}.m${m}`;
      const bytes = tarOf(
        ...samples.flatMap((members, s) => members.map((text, m) => [name(s, m), text] as const)),
        'README',
      );
      return zip ? gzipSync(bytes) : bytes;
    });
  const shardSets = fc.array(shard, { minLength: 1, maxLength: 4 });

  const shuffleShards = fc.option(fc.record({ seed: fc.integer() }), { nil: undefined });
  const shuffleSamples = fc.option(fc.record({ seed: fc.string(), window: fc.integer({ min: 1, max: 8 }) }), {
    nil: undefined,
  });

  it('is the same as no interruption, between any two samples of any shards, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        shardSets,
        fc.record({ shuffleShards, shuffleSamples }),
        fc.nat(3),
        async (set, orders, epoch) => {
          const shards = Object.fromEntries(set.map((bytes, i) => [`s${i}`, bytes]));
          const options = { source: memorySource(shards), ...orders };
          const reader = readShards(Object.keys(shards), { ...options, epoch });
          const states = [reader.state()];
          const all: string[] = [];
          for await (const sample of reader) {
            all.push(`${sample.shard}#${sample.index}`);
            states.push(reader.state());
          }
          const straight = await readAll(readShards(Object.keys(shards), { source: options.source }));
          expect([...all].sort()).toEqual(straight.map((line) => line.split(' ')[0]).sort());
          for (const [done, state] of states.entries()) {
            const saved: ShardPosition = JSON.parse(JSON.stringify(state));
            const rest: string[] = [];
            const resumed = readShards(Object.keys(shards), { ...options, state: saved });
            for await (const sample of resumed) rest.push(`${sample.shard}#${sample.index}`);
            expect(rest).toEqual(all.slice(done));
            expect(resumed.state()).toEqual(reader.state());
            expect(resumed.counts().samples).toBe(rest.length);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('while a call is under way goes on with its sample', async () => {
    const bytes = tarOf('a.txt', 'b.txt', 'c.txt', 'd.txt');
    for (const shuffleSamples of [undefined, { seed: 1, window: 2 }, { seed: 1, buffer: 1 }, { seed: 1, buffer: 3 }]) {
      const options = { source: memorySource({ s: bytes, t: bytes }, 4096), shuffleSamples };
      const list = ['s', 't'];
      const all = await readAll(readShards(list, options));
      const reader = readShards(list, options);
      for (let returned = 0; returned <= all.length; returned++) {
        const states: ShardPosition[] = [];
        let pending = true;
        const call = reader.next().then(() => {
          pending = false;
        });
        while (pending) {
          states.push(reader.state());
          await new Promise(setImmediate);
        }
        await call;
        for (const state of states) {
          expect(await readAll(readShards(list, { ...options, state }))).toEqual(all.slice(returned));
        }
      }
    }
  });

  it('of one that is asked ahead goes on behind the last answer, though the next sample is read already', async () => {
    // All samples in one chunk: the next one is had without waiting.
    const options = { source: memorySource({ s: tarOf('a.txt', 'b.txt', 'c.txt', 'd.txt') }, 1 << 20) };
    const all = await readAll(readShards('s', options));
    const reader = readShards('s', options);
    let ahead = reader.next();
    for (let answered = 1; answered <= all.length; answered++) {
      const call = ahead;
      ahead = reader.next();
      await call;
      const state = reader.state();
      expect(await readAll(readShards('s', { ...options, state }))).toEqual(all.slice(answered));
    }
  });

  it('opens a plain tar at the byte, a compressed one at its beginning', async () => {
    for (const [bytes, offset] of [
      [good, 2048],
      [gzipSync(good), 0],
    ] as const) {
      const source = memorySource({ s: bytes });
      const reader = readShards('s', { source });
      await reader.next();
      expect(reader.state()).toMatchObject({ epoch: 0, shard: 0, sample: 1, offset: 2048 });
      source.opened.length = 0;
      expect(await readAll(readShards('s', { source, state: reader.state() }))).toEqual([
        's#1 b txt=b.txt,json=b.json',
      ]);
      expect(source.opened.at(-1)).toEqual({ shard: 's', offset });
    }
  });

  it('takes a position without a fingerprint, and after the end reads nothing', async () => {
    const source = memorySource({ s: good });
    expect(
      await readAll(readShards('s', { source, state: { epoch: 0, shard: 0, sample: 1, offset: 2048 } })),
    ).toHaveLength(1);
    expect(await readAll(readShards('s', { source, state: { epoch: 0, shard: 1, sample: 0, offset: 0 } }))).toEqual([]);
  });

  it('refuses a state of other shards, of another seed, or of nothing', () => {
    const source = memorySource({});
    const state = readShards('s-{0..3}', { source }).state();
    expect(readShards('moved/s-{0..3}', { source, state }).state()).toEqual(state); // folders may move
    const refused = (shards: string, more: ReadShardsOptions): void =>
      expect(() => readShards(shards, { source, ...more })).toThrow(expect.objectContaining({ code: 'invalid-state' }));
    const apart = readShards('a/s-{0..3}::b/s-{0..3}', { source }).state();
    expect(readShards('moved/a/s-{0..3}::moved/b/s-{0..3}', { source, state: apart }).state()).toEqual(apart);
    refused('a/s-{0..3}::c/s-{0..3}', { state: apart });
    refused('a/s-{0..1}::b/s-{2..3}', { state });
    const { paths: _, ...early } = apart; // of a version that knew file names alone
    expect(readShards('a/s-{0..3}::b/s-{0..3}', { source, state: early }).state()).toEqual(apart);
    refused('s-{0..4}', { state });
    refused('s-{0..3}', { state, shuffleShards: { seed: 1 } });
    refused('s-{0..3}', { state, epoch: 2 });
    refused('s-{0..3}', { state: { ...state, shard: 5 } });
    refused('s-{0..3}', { state: { ...state, offset: -1 } });
    refused('s-{0..3}', { state: { epoch: 0, shard: 0, sample: 0, offset: 0, taken: 1 } });
    refused('s-{0..3}', { state: {} as never });
  });
});

describe('order of shards', () => {
  const order = (seed: number | string, epoch: number): readonly string[] =>
    readShards('{00..19}', { source: memorySource({}), shuffleShards: { seed }, epoch }).shards;

  it('is a function of seed and epoch', () => {
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    expect([...order(1, 0)].sort()).toEqual(readShards('{00..19}').shards);
    expect(order(1, 0).join()).toMatchInlineSnapshot(`"15,16,02,06,19,13,17,05,07,14,08,10,00,11,09,12,03,18,04,01"`);
  });

  it('puts every shard everywhere equally often', () => {
    const first = new Map<string, number>();
    for (let epoch = 0; epoch < 4000; epoch++)
      first.set(order(7, epoch)[0]!, (first.get(order(7, epoch)[0]!) ?? 0) + 1);
    const chiSquare = [...first.values()].reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
    expect(first.size).toBe(20);
    expect(chiSquare).toBeLessThan(50); // 19 degrees of freedom: 99.99 % lie below 53
  });
});

describe('order of samples', () => {
  const many = memorySource(
    Object.fromEntries(
      Array.from({ length: 4 }, (_, s) => [`s${s}`, tarOf(...Array.from({ length: 25 }, (_, i) => `${s}-${i}.txt`))]),
    ),
  );
  const order = async (window: number, epoch = 0): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of readShards('s{0..3}', { source: many, epoch, shuffleSamples: { seed: 1, window } }))
      keys.push(key);
    return keys;
  };

  it('stays within windows and changes with the epoch', async () => {
    const straight = await order(1);
    const windows = await order(50);
    expect(windows).not.toEqual(straight);
    expect(windows.slice(0, 50).sort()).toEqual(straight.slice(0, 50).sort());
    expect(windows.slice(0, 25).some((key) => key.startsWith('1-'))).toBe(true); // shards mix
    expect(await order(50)).toEqual(windows);
    expect(await order(50, 1)).not.toEqual(windows);
    expect((await order(1000)).sort()).toEqual([...straight].sort());
  });

  it('refuses a state of another window', async () => {
    const reader = readShards('s0', { source: many, shuffleSamples: { seed: 1, window: 10 } });
    await reader.next();
    const state = reader.state();
    expect(state).toMatchObject({ shard: 0, sample: 0, offset: 0, taken: 1 });
    const other = { source: many, shuffleSamples: { seed: 1, window: 11 } };
    expect(() => readShards('s0', { ...other, state })).toThrow(expect.objectContaining({ code: 'invalid-state' }));
    const { list: _, ...bare } = state;
    await expect(readShards('s0', { ...other, state: { ...bare, taken: 11 } }).next()).rejects.toMatchObject({
      code: 'invalid-state',
    });
  });

  it('a fault inside a window comes again, and the state is before the window', async () => {
    const source = memorySource({ s: tarOf('a.txt', 'b.txt', 'b.TXT', 'c.txt') });
    const reader = readShards('s', { source, shuffleSamples: { seed: 1, window: 3 } });
    await expect(reader.next()).rejects.toMatchObject({ code: 'duplicate-member' });
    await expect(reader.next()).rejects.toMatchObject({ code: 'duplicate-member' });
    expect(reader.state()).toMatchObject({ sample: 0, offset: 0, taken: 0 });
  });
});

describe('arguments that cannot work', () => {
  it.each([
    [[], {}, /at least one shard/],
    ['a::', {}, /empty entry/],
    ['a{', {}, /unbalanced/],
    ['{0..99999999}', {}, /more than 10000000/],
    ['{0..9999}{0..9999}', {}, /more than 10000000/],
    ['a', { epoch: -1 }, /epoch/],
    ['a', { epoch: 0.5 }, /epoch/],
    ['a', { shuffleSamples: { seed: 1, window: 0 } }, /shuffleSamples.window/],
    [
      'a',
      { shuffleSample: { seed: 1, window: 9 } } as never,
      /unknown option "shuffleSample"; expected .*shuffleSamples/,
    ],
    ['a', { shuffleShards: {} as never }, /shuffleShards.seed: expected a whole number or a string, got undefined/],
    ['a', { shuffleShards: { sede: 3 } as never }, /shuffleShards: unknown option "sede"; expected seed/],
    ['a', { shuffleShards: { seed: Number.NaN } }, /shuffleShards.seed: expected .* got NaN/],
    ['a', { shuffleShards: { seed: 0.5 } }, /shuffleShards.seed: expected .* got 0.5/],
    ['a', { shuffleSamples: { window: 2 } as never }, /shuffleSamples.seed: expected .* got undefined/],
    ['a', { shuffleSamples: { seed: null, window: 2 } as never }, /shuffleSamples.seed: expected .* got null/],
    ['a', { shuffleSamples: { seed: 1, window: 2, size: 3 } as never }, /unknown option "size"; expected seed, window/],
    ['a', { shuffleSamples: { seed: 1, buffer: 2, inital: 3 } as never }, /unknown option "inital"; .*initial/],
    ['a', { split: { index: 0, count: 2, of: 3 } as never }, /split: unknown option "of"; expected index, count/],
    ['a', { regroup: { window: 2, size: 3 } as never }, /regroup: unknown option "size"; expected window/],
    ['a', { onBroken: 'skip' as never }, /onBroken: expected "error" or a function/],
  ])('%j %j', (shards, options, message) => {
    expect(() => readShards(shards, options)).toThrow(message);
  });
});
