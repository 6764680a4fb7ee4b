import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literalShard, readShards, type SampleToWrite, writeShards } from './index.ts';
import { temporaryFolder } from './testing/tar-bytes.ts';

async function write(samples: readonly SampleToWrite[], options: Partial<Parameters<typeof writeShards>[0]> = {}) {
  const directory = temporaryFolder();
  const writer = writeShards({ directory, prefix: 'p', ...options });
  for (const sample of samples) await writer.add(sample);
  return { directory, ...(await writer.close()) };
}

const three: SampleToWrite[] = ['a', 'b', 'c'].map((key) => ({ key, members: { txt: key.repeat(600), json: '{}' } }));

describe('what is written can be read', () => {
  const part = fc.stringMatching(/^[^./\0\ud800-\udfff]{1,12}$/u);
  const key = fc
    .array(fc.oneof(part, fc.constant('é'.repeat(70))), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'))
    .filter((name) => !name.startsWith('__'));
  const suffix = fc.stringMatching(/^[a-z0-9_]{1,6}(\.[a-z0-9]{1,3})?$/);
  const bytes = fc.uint8Array({ maxLength: 1600 });
  const samples = fc.uniqueArray(
    fc.record({ key, members: fc.dictionary(suffix, bytes, { minKeys: 1, maxKeys: 4 }) }),
    {
      selector: (sample) => sample.key,
      maxLength: 8,
    },
  );

  it('any keys, suffixes and bytes, cut into shards of any size, plain or compressed', async () => {
    const format = fc.constantFrom('tar' as const, 'tar.gz' as const);
    await fc.assert(
      fc.asyncProperty(samples, fc.integer({ min: 1, max: 4 }), format, async (given, maxSamples, format) => {
        const directory = temporaryFolder();
        const writer = writeShards({ directory, prefix: 'p', maxSamples, format });
        for (const sample of given) await writer.add(sample);
        const { shards } = await writer.close();
        expect(shards.map((shard) => shard.samples).reduce((a, b) => a + b, 0)).toBe(given.length);
        if (given.length === 0) return;
        const read: SampleToWrite[] = [];
        for await (const { key, members } of readShards(shards.map(({ path }) => literalShard(path)))) {
          read.push({
            key,
            members: Object.fromEntries(Object.entries(members).map(([k, v]) => [k, Uint8Array.from(v)])),
          });
        }
        expect(read).toEqual(given);
      }),
      { numRuns: 60 },
    );
  });
});

it('is read by the paths that the writer returns, whatever folder and prefix are called', async () => {
  const directory = join(temporaryFolder(), 'a::b {c,d}');
  const { shards } = await write(three, { directory, prefix: 'p{0..1}', maxSamples: 2 });
  const keys: string[] = [];
  for await (const { key } of readShards(shards.map(({ path }) => literalShard(path)))) keys.push(key);
  expect(keys).toEqual(['a', 'b', 'c']);
});

describe('shards', () => {
  it('hold at most so many samples', async () => {
    const { shards } = await write(three, { maxSamples: 2 });
    expect(shards.map(({ path, samples }) => [basename(path), samples])).toEqual([
      ['p-000000.tar', 2],
      ['p-000001.tar', 1],
    ]);
  });

  it('hold at most so many bytes, unless one sample alone is larger', async () => {
    const one = 512 + 512 + 512 + 1024; // two headers, "{}" and 600 bytes in blocks
    expect((await write(three, { maxBytes: 2 * one + 1024 })).shards.map(({ bytes }) => bytes)).toEqual([
      2 * one + 1024,
      one + 1024,
    ]);
    expect((await write(three, { maxBytes: 1 })).shards.map(({ samples }) => samples)).toEqual([1, 1, 1]);
  });

  it('are described as they lie on disk', async () => {
    for (const format of ['tar', 'tar.gz'] as const) {
      for (const { path, bytes, sha256 } of (await write(three, { format, maxSamples: 2 })).shards) {
        expect(statSync(path).size).toBe(bytes);
        expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
      }
    }
  });

  it('are the same bytes for the same samples, whatever the order of members', async () => {
    const turned = three.map(({ key, members }) => ({
      key,
      members: Object.fromEntries(Object.entries(members).reverse()),
    }));
    const sha = async (samples: SampleToWrite[]) => (await write(samples)).shards.map(({ sha256 }) => sha256);
    expect(await sha(turned)).toEqual(await sha(three));
    // Pinned: GNU tar and Python's tarfile read these bytes as 6 files of root, mode 0644, of 1970.
    expect(await sha(three)).toMatchInlineSnapshot(`
      [
        "2fbd87551d9a301ea52f630830864a5ae470ce40727755d2f813aafccf56f5cc",
      ]
    `);
  });

  it('name no machine and no time when compressed', async () => {
    const { shards } = await write(three, { format: 'tar.gz' });
    expect([...readFileSync(shards[0]!.path).subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  });

  it('appear when they are whole', async () => {
    const directory = join(temporaryFolder(), 'made/for/it');
    const writer = writeShards({ directory, prefix: 'p', maxSamples: 1 });
    expect(existsSync(directory)).toBe(false);
    await writer.add(three[0]!);
    expect(readdirSync(directory)).toEqual(['p-000000.tar.partial']);
    await writer.add(three[1]!);
    expect(readdirSync(directory)).toEqual(['p-000000.tar', 'p-000001.tar.partial']);
    await writer.abort();
    expect(readdirSync(directory)).toEqual(['p-000000.tar']);
    await expect(writer.add(three[2]!)).rejects.toThrow(/closed/);
  });

  it('are whole or gone when the writer is given up while a call is under way', async () => {
    for (const format of ['tar', 'tar.gz'] as const) {
      for (let before = 0; before < 5; before++) {
        for (const turns of [0, 3]) {
          const directory = temporaryFolder();
          const writer = writeShards({ directory, prefix: 'p', maxSamples: 2, format });
          for (let i = 0; i < before; i++) await writer.add({ key: `${i}`, members: { txt: 'text' } });
          const adding = writer.add({ key: 'last', members: { bin: new Uint8Array(3 << 20) } });
          const refused = expect(adding).rejects.toMatchObject({
            code: 'invalid-argument',
            message: expect.stringMatching(/the writer is closed/),
          });
          for (let turn = 0; turn < turns; turn++) await null;
          await writer.abort();
          await refused;
          // What a sample finds full it finishes first.
          expect(readdirSync(directory)).toEqual(
            ['p-000000', 'p-000001'].slice(0, before / 2).map((p) => `${p}.${format}`),
          );
          await expect(writer.close()).rejects.toThrow(/the writer is closed/);
        }
      }
    }
  });

  it('are finished by a close that is under way when the writer is given up', async () => {
    const directory = temporaryFolder();
    const writer = writeShards({ directory, prefix: 'p' });
    await writer.add(three[0]!);
    const [{ shards }] = await Promise.all([writer.close(), writer.abort()]);
    expect(shards.map(({ path }) => basename(path))).toEqual(['p-000000.tar']);
    expect(readdirSync(directory)).toEqual(['p-000000.tar']);
  });

  it('are none without samples', async () => {
    expect((await write([])).shards).toEqual([]);
  });
});

describe('what a reader would not give back is refused', () => {
  it.each([
    ['a dot in the key', { key: 'v1.0', members: { txt: '' } }, 'invalid-argument', /no dot/],
    ['an empty key', { key: '', members: { txt: '' } }, 'invalid-argument', /cannot be read back/],
    ['a key that is a folder', { key: 'dir/', members: { txt: '' } }, 'invalid-argument', /cannot be read back/],
    ['NUL in the key', { key: 'a\0b', members: { txt: '' } }, 'invalid-argument', /cannot be read back/],
    ['half a surrogate pair', { key: 'a\ud800', members: { txt: '' } }, 'invalid-argument', /cannot be read back/],
    ['a reserved key', { key: '__meta__/a', members: { txt: '' } }, 'invalid-argument', /cannot be read back/],
    ['no members', { key: 'a', members: {} }, 'invalid-argument', /no members/],
    ['a capital suffix', { key: 'a', members: { PNG: '' } }, 'invalid-argument', /lower case/],
    ['a slash in the suffix', { key: 'a', members: { 'b/c': '' } }, 'invalid-argument', /cannot be read back/],
    ['an empty suffix', { key: 'a', members: { '': 'x' } }, 'invalid-argument', /lower case/],
    [
      'a number as content',
      { key: 'a', members: { txt: 5 as never } },
      'invalid-argument',
      /Uint8Array or a string, got number/,
    ],
  ])('%s', async (_, sample, code, message) => {
    const directory = temporaryFolder();
    const writer = writeShards({ directory, prefix: 'p' });
    await expect(writer.add(sample)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await writer.add(three[0]!); // the writer goes on
    expect((await writer.close()).shards).toMatchObject([{ samples: 1 }]);
  });

  it('a key that was there before', async () => {
    await expect(write([three[0]!, three[1]!, three[0]!], { maxSamples: 1 })).rejects.toMatchObject({
      code: 'duplicate-key',
      key: 'a',
    });
  });

  it('options that make no sense', () => {
    const directory = temporaryFolder();
    for (const options of [
      { prefix: '' },
      { prefix: 'a/b' },
      { maxSamples: 0 },
      { maxSamples: 2.5 },
      { maxSample: 2 },
      { maxBytes: Number.NaN },
      { format: 'zip' as never },
    ]) {
      expect(() => writeShards({ directory, prefix: 'p', ...options })).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    }
  });

  it('calls that overlap', async () => {
    const writer = writeShards({ directory: temporaryFolder(), prefix: 'p' });
    const first = writer.add(three[0]!);
    await expect(writer.add(three[1]!)).rejects.toThrow(/await each call/);
    await first;
    await writer.abort();
  });

  it('a shard that cannot be finished ends the writer, so that no gap is taken for the end', async () => {
    const directory = temporaryFolder();
    mkdirSync(join(directory, 'p-000001.tar', 'in the way'), { recursive: true });
    const writer = writeShards({ directory, prefix: 'p', maxSamples: 1, index: true });
    for (const sample of three.slice(0, 2)) await writer.add(sample);
    await expect(writer.add(three[2]!)).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    rmSync(join(directory, 'p-000001.tar'), { recursive: true });
    await expect(writer.add(three[2]!)).rejects.toThrow(/the writer is closed/);
    await expect(writer.close()).rejects.toThrow(/the writer is closed/);
    expect(readdirSync(directory).sort()).toEqual(['p-000000.tar', 'p-000000.tar.idx.json']);
  });

  it('a folder that cannot be made', async () => {
    const directory = temporaryFolder({ file: new Uint8Array(0) });
    const writer = writeShards({ directory: join(directory, 'file'), prefix: 'p' });
    await expect(writer.add(three[0]!)).rejects.toThrow(/EEXIST|ENOTDIR/);
  });
});
