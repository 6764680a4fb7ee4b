import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadShardsOptions, readShards } from './index.ts';
import { readWithFaults } from './testing/read-all.ts';
import { altered, member, memorySource, tarOf, temporaryFolder } from './testing/tar-bytes.ts';

const good = tarOf('a.txt', 'a.json', 'b.txt', 'b.json');

describe('a fault', () => {
  it('ends reading, and goes on ending it; the state is before the fault', async () => {
    const source = memorySource({ s: tarOf('a.txt', 'b.txt', 'b.TXT', 'c.txt') });
    const reader = readShards('s', { source });
    expect((await reader.next()).value?.key).toBe('a');
    const fault = {
      name: 'WebDatasetError',
      code: 'duplicate-member',
      shard: 's',
      offset: 2048,
      key: 'b',
      member: 'b.TXT',
    };
    await expect(reader.next()).rejects.toMatchObject(fault);
    await expect(reader.next()).rejects.toMatchObject(fault);
    expect(reader.state()).toMatchObject({ sample: 1, offset: 1024 });
    expect(source.unclosed.size).toBe(0);
  });

  it('is reported with place and remedy; the sample is left out and counted, others keep their numbers', async () => {
    const { samples, faults, counts } = await readWithFaults({
      s: tarOf('a.txt', 'b.txt', 'b.txt', 'a.json', 'c.txt'),
    });
    expect(samples).toEqual(['s#0 a txt=a.txt', 's#3 c txt=c.txt']);
    expect(faults.map(({ message }) => message)).toEqual([
      's at byte 2048: sample "b" has two members ".txt" (suffixes are lower-cased); keep one',
      's at byte 3072: key "a" comes back after other keys, so its sample is torn apart; sort the archive by name, or give regroup',
    ]);
    expect(counts).toEqual({ samples: 2, droppedSamples: 2, brokenShards: 0, ignoredMembers: 0, regrouped: 0 });
  });

  it('at any byte where a shard is cut: never a wrong sample, never silence', async () => {
    const whole = ['s#0 a txt=a.txt,json=a.json', 's#1 b txt=b.txt,json=b.json'];
    for (let length = 0; length < good.length - 512; length += 73) {
      const { samples, faults, counts } = await readWithFaults({ s: good.subarray(0, length) });
      expect(whole.slice(0, samples.length)).toEqual(samples);
      expect(faults.map(({ code }) => code)).toEqual(['truncated']);
      expect(counts.brokenShards).toBe(1);
    }
  });

  it('in a compressed shard cut or damaged anywhere: never a wrong sample, never silence, always the same', async () => {
    const zipped = gzipSync(
      tarOf(...Array.from({ length: 40 }, (_, i) => [`${i}.txt`, `text ${i} `.repeat(90)] as const)),
    );
    const whole = (await readWithFaults({ s: zipped })).samples;
    expect(whole).toHaveLength(40);
    for (let at = 12; at < zipped.length; at += 97) {
      const damaged = Uint8Array.from(zipped);
      damaged[at]! ^= 0x55;
      for (const bytes of [zipped.subarray(0, at), damaged]) {
        const { samples, faults } = await readWithFaults({ s: bytes });
        expect(faults).toHaveLength(1);
        if (bytes !== damaged) expect(whole.slice(0, samples.length)).toEqual(samples);
        expect((await readWithFaults({ s: bytes })).samples).toEqual(samples);
      }
    }
  });

  it('in zstd data is one too', async () => {
    const zstd = readFileSync(join(import.meta.dirname, '../fixtures/basic-ustar-frames.tar.zst'));
    expect((await readWithFaults({ s: zstd.subarray(0, zstd.length - 9) })).faults).toMatchObject([
      { code: 'truncated' },
    ]);
    const damaged = Uint8Array.from(zstd);
    damaged.fill(0xff, 60, 90);
    expect((await readWithFaults({ s: damaged })).faults).toHaveLength(1);
  });

  it('of one shard does not reach the next', async () => {
    const { samples, faults, counts } = await readWithFaults({
      s0: good.subarray(0, 2600),
      s1: new Uint8Array(0),
      s2: tarOf('b.txt'),
    });
    expect(samples).toEqual(['s0#0 a txt=a.txt,json=a.json', 's2#0 b txt=b.txt']);
    expect(faults.map(({ code, shard }) => [shard, code])).toEqual([
      ['s0', 'truncated'],
      ['s1', 'truncated'],
    ]);
    expect(counts.brokenShards).toBe(2);
  });

  it('of the source is "unreadable", with the cause', async () => {
    const reader = readShards(join(temporaryFolder(), 'none.tar'));
    await expect(reader.next()).rejects.toMatchObject({ code: 'unreadable', cause: { code: 'ENOENT' } });
  });

  it('thrown by onBroken itself reaches the caller', async () => {
    const onBroken = (): never => {
      throw new Error('enough');
    };
    const reader = readShards('s', { source: memorySource({}), onBroken });
    await expect(reader.next()).rejects.toThrow('enough');
  });

  it('of names that are not text is reported', async () => {
    const header = altered(member('x.txt', '').subarray(0, 512), { 0: new Uint8Array([0xff]) });
    const { faults } = await readWithFaults({ s: Buffer.concat([header, tarOf('a.txt')]) });
    expect(faults).toMatchObject([{ code: 'unsupported', offset: 0 }]);
  });
});

describe('bytes from nowhere', () => {
  const edit = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  it('end in samples or in typed faults, never in anything else, and the same each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 6 }), fc.boolean(), async (edits, repaired) => {
        const bytes = Uint8Array.from(good);
        for (const [at, byte] of edits) bytes[at] = byte;
        // With checksums made right again the damage reaches what lies behind them.
        for (let at = 0; repaired && at < 4096; at += 1024) bytes.set(altered(bytes.subarray(at, at + 512), {}), at);
        const first = await readWithFaults({ s: bytes });
        for (const { code, shard } of first.faults) {
          expect(['truncated', 'corrupt', 'limit', 'unsupported', 'duplicate-member', 'duplicate-key']).toContain(code);
          expect(shard).toBe('s');
        }
        expect(await readWithFaults({ s: bytes })).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });
});

describe('limits', () => {
  const cases: [string, Uint8Array, ReadShardsOptions['limits']][] = [
    ['maxMemberBytes', tarOf(['a.txt', 'x'.repeat(101)]), { maxMemberBytes: 100 }],
    ['maxSampleBytes', tarOf(['a.txt', 'x'.repeat(60)], ['a.json', 'x'.repeat(60)]), { maxSampleBytes: 100 }],
    ['maxMembersPerSample', tarOf('a.1', 'a.2', 'a.3'), { maxMembersPerSample: 2 }],
    ['maxHeaderBytes', tarOf(`${'a'.repeat(2000)}.txt`), { maxHeaderBytes: 1000 }],
    ['maxKeysPerShard', tarOf('a.txt', 'b.txt', 'c.txt'), { maxKeysPerShard: 2 }],
    ['maxZeroBytes', Buffer.concat([tarOf('a.txt'), new Uint8Array(4096)]), { maxZeroBytes: 2048 }],
  ];
  it.each(cases)('%s', async (name, bytes, limits) => {
    expect((await readWithFaults({ s: bytes })).faults).toEqual([]);
    const { faults } = await readWithFaults({ s: bytes }, { limits });
    expect(faults).toMatchObject([{ code: 'limit', shard: 's', message: expect.stringContaining(`limits.${name}`) }]);
  });

  it('a size that is a lie takes no memory', async () => {
    const liar = altered(member('a.txt', '').subarray(0, 512), { 124: '77777777777\0' });
    const limits = { maxMemberBytes: 2 ** 40, maxSampleBytes: 2 ** 40 };
    expect((await readWithFaults({ s: Buffer.concat([liar, good]) }, { limits })).faults).toMatchObject([
      { code: 'truncated' },
    ]);
  });

  it('must be known by name and positive', () => {
    for (const limits of [{ maxMembers: 3 } as never, { maxMemberBytes: 0 }, { maxMemberBytes: Number.NaN }]) {
      expect(() => readShards('s', { limits })).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    }
  });
});
