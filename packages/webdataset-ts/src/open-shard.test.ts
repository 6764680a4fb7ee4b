import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexShard, openShard, readShards, type Sample, writeShardIndex, writeShards } from './index.ts';
import { memorySource, tarOf, temporaryFolder } from './testing/tar-bytes.ts';

async function all(shard: string, source?: ReturnType<typeof memorySource>): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of readShards(shard, { source })) samples.push(sample);
  return samples;
}

describe('openShard', () => {
  it('reads any sample of any shard, as reading through does', async () => {
    const name = fc.tuple(fc.boolean(), fc.array(fc.uint8Array({ maxLength: 1500 }), { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 8 }), async (contents) => {
        const members = contents.flatMap(([long, list], s) =>
          list.map((bytes, m) => [`${long ? 'd/'.repeat(80) : ''}${s}.m${m}`, bytes] as const),
        );
        const source = memorySource({ s: tarOf('README', ...members) });
        const index = await indexShard('s', { source });
        const shard = await openShard('s', { source, index });
        const expected = await all('s', source);
        expect(shard.keys).toEqual(expected.map(({ key }) => key));
        for (let i = shard.length - 1; i >= 0; i--) {
          expect(await shard.sample(i)).toEqual(expected[i]);
          expect(shard.indexOf(expected[i]!.key)).toBe(i);
        }
        expect(source.unclosed.size).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('reads lines of plain text shards', async () => {
    const source = memorySource({ 's.jsonl': Buffer.from('{"a":1}\n\n{"a":2}\n{"a":3}') });
    const shard = await openShard('s.jsonl', { source, index: await indexShard('s.jsonl', { source }) });
    expect(String(Buffer.from((await shard.sample(2)).members['json']!))).toBe('{"a":3}');
    expect(await shard.sample(1)).toEqual((await all('s.jsonl', source))[1]);
  });

  it('finds the index that the writer wrote: the same bytes as made later', async () => {
    const directory = temporaryFolder();
    const writer = writeShards({ directory, prefix: 'p', maxSamples: 3, index: true });
    for (let i = 0; i < 7; i++) await writer.add({ key: `k${i}`, members: { txt: `${i}`.repeat(700), json: '{}' } });
    const { shards } = await writer.close();
    expect(readdirSync(directory).sort()).toEqual(
      shards
        .flatMap(({ path, index }) => [path, index!])
        .map((path) => path.slice(directory.length + 1))
        .sort(),
    );
    const written = readFileSync(shards[0]!.index!, 'utf8');
    expect(written).toBe('{"version":1,"bytes":8704,"samples":[["k0",0],["k1",2560],["k2",5120]]}\n');
    await writeShardIndex(shards[0]!.path);
    expect(readFileSync(shards[0]!.index!, 'utf8')).toBe(written);
    rmSync(shards[0]!.index!);
    const address = pathToFileURL(shards[0]!.path).href;
    expect(await writeShardIndex(address)).toBe(shards[0]!.index);
    expect(readFileSync(shards[0]!.index!, 'utf8')).toBe(written);
    expect(await openShard(address)).toHaveLength(3);
    const shard = await openShard(shards[1]!.path);
    expect(String(Buffer.from((await shard.sample(shard.indexOf('k4'))).members['txt']!))).toBe('4'.repeat(700));
    expect(shard.indexOf('k0')).toBe(-1);
    await expect(shard.sample(3)).rejects.toThrow(/from 0 to 2, got 3/);
    expect(() => writeShards({ directory, prefix: 'p', format: 'tar.gz', index: true })).toThrow(
      /expected format "tar"/,
    );
  });

  it('notices an index of another shard, also of one with the same offsets', async () => {
    const source = memorySource({
      s: tarOf('a.txt', 'b.txt'),
      same: tarOf('x.txt', 'b.txt'),
      long: tarOf(['a.txt', 'x'.repeat(900)], 'b.txt'),
    });
    const index = await indexShard('s', { source });
    await expect((await openShard('same', { source, index })).sample(0)).rejects.toThrow(
      /not the one that was indexed/,
    );
    await expect((await openShard('long', { source, index })).sample(1)).rejects.toThrow(/index it again/);
  });

  it('notices a file that has another size than was indexed, and one that changes while it is open', async () => {
    const path = join(temporaryFolder({ 's.tar': tarOf('a.txt', 'b.txt') }), 's.tar');
    await writeShardIndex(path);
    writeFileSync(path, tarOf('a.txt', 'b.txt', 'c.txt'));
    await expect(openShard(path)).rejects.toThrow(/expected 3072 bytes as the index says, got 4096.*index it again/);
    await writeShardIndex(path);
    const shard = await openShard(path);
    expect((await shard.sample(1)).key).toBe('b');
    utimesSync(path, 1, 1);
    await expect(shard.sample(1)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/open it again/),
    });
    const reopened = await openShard(path);
    rmSync(path);
    await expect(reopened.sample(0)).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('says what to do without an index, or with a damaged one', async () => {
    const folder = temporaryFolder({ 's.tar': tarOf('a.txt') });
    const path = join(folder, 's.tar');
    await expect(openShard(path)).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('writeShardIndex'),
    });
    for (const text of [
      '',
      '{}',
      '[]',
      'null',
      '{"version":2,"samples":[]}',
      '{"version":1,"samples":[["a",0],["b",0]]}',
      '{"version":1,"samples":[[0,0]]}',
      '{"version":1,"bytes":"many","samples":[["a",0]]}',
    ]) {
      writeFileSync(`${path}.idx.json`, text);
      await expect(openShard(path)).rejects.toMatchObject({ code: 'corrupt' });
    }
  });

  it('indexes neither compressed shards nor shards with faults', async () => {
    const source = memorySource({ gz: gzipSync(tarOf('a.txt')), torn: tarOf('a.txt', 'b.txt', 'a.json') });
    await expect(indexShard('gz', { source })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/unpack/),
    });
    await expect(indexShard('torn', { source })).rejects.toMatchObject({ code: 'duplicate-key' });
  });
});
