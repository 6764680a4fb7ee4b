import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedEncoder } from './cached-encoder.ts';
import { contentKey } from './content-key.ts';
import { featureCache } from './disk-cache.ts';
import { rejection } from './testing/pictures.ts';

const encoder = { id: 'tiny', patches: 2, width: 3 };
const key = (i: number) => contentKey(Uint8Array.of(i));
const features = (i: number) => Float32Array.of(i, -0, Number.MIN_VALUE, Number.NaN, 1 / 3, Number.POSITIVE_INFINITY);
const bits = (array: Float32Array | undefined) => array && Buffer.from(array.buffer).toString('hex');
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'features-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function fill(count: number): Promise<string[]> {
  const cache = await featureCache(directory, encoder, { imagesPerFile: 3 });
  for (let i = 0; i < count; i++) await cache.set(key(i), features(i));
  await cache.close();
  return (await readdir(join(directory, 'tiny'))).map((name) => join(directory, 'tiny', name));
}

describe('featureCache', () => {
  it('gives the same bits back, before and after it was closed', async () => {
    const cache = await featureCache(directory, encoder, { imagesPerFile: 3 });
    for (let i = 0; i < 8; i++) {
      await cache.set(key(i), features(i));
      expect(bits(await cache.get(key(i)))).toBe(bits(features(i)));
    }
    expect(cache.size).toBe(8);
    await cache.close();
    expect(await readdir(join(directory, 'tiny'))).toHaveLength(3);
    const again = await featureCache(directory, encoder);
    expect(again.size).toBe(8);
    for (let i = 0; i < 8; i++) expect(bits(await again.get(key(i)))).toBe(bits(features(i)));
    expect(await again.get(key(99))).toBeUndefined();
    expect([again.has(key(1)), again.has(key(99))]).toEqual([true, false]);
    await again.close();
  });

  it('takes writers side by side', async () => {
    const [a, b] = await Promise.all([featureCache(directory, encoder), featureCache(directory, encoder)]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).set(key(i), features(i))));
    await Promise.all([a.flush(), a.flush(), b.close(), a.close()]);
    const both = await featureCache(directory, encoder);
    expect(both.size).toBe(20);
    await both.close();
  });

  it('keeps what it knows, and each encoder apart', async () => {
    await fill(2);
    const cache = await featureCache(directory, encoder);
    await cache.set(key(0), features(50));
    expect(bits(await cache.get(key(0)))).toBe(bits(features(0)));
    await cache.close();
    const other = await featureCache(directory, { ...encoder, id: 'other' });
    expect(other.size).toBe(0);
    await other.close();
  });

  it('keeps within its bytes: the oldest files go', async () => {
    await fill(3); // one file of three images
    const [first] = await readdir(join(directory, 'tiny'));
    const { size } = await stat(join(directory, 'tiny', first!));
    const cache = await featureCache(directory, encoder, { imagesPerFile: 3, maxBytes: 2 * size });
    for (let i = 3; i < 9; i++) await cache.set(key(i), features(i));
    expect(cache.size).toBe(6);
    expect([cache.has(key(0)), cache.has(key(3)), cache.has(key(8))]).toEqual([false, true, true]);
    expect(bits(await cache.get(key(3)))).toBe(bits(features(3)));
    expect(await cache.get(key(0))).toBeUndefined();
    const names = await readdir(join(directory, 'tiny'));
    expect([names.length, names.includes(first!)]).toEqual([2, false]);
    await cache.close();
    const less = await featureCache(directory, encoder, { maxBytes: 1 });
    expect(less.size).toBe(3); // the newest file stays
    await less.close();
  });

  it('another process may remove files under a reader', async () => {
    await fill(3);
    const reader = await featureCache(directory, encoder);
    const writer = await featureCache(directory, encoder, { imagesPerFile: 3, maxBytes: 1 });
    for (let i = 3; i < 6; i++) await writer.set(key(i), features(i));
    expect(writer.has(key(0))).toBe(false);
    expect(bits(await reader.get(key(0)))).toBe(bits(features(0))); // an open file stays readable
    await Promise.all([reader.close(), writer.close()]);
  });

  it('a write that fails is told, and its features go into the next', async () => {
    const folder = join(directory, 'tiny');
    const cache = await featureCache(directory, encoder, { imagesPerFile: 3 });
    for (let i = 0; i < 3; i++) await cache.set(key(i), features(i));
    await cache.set(key(3), features(3));
    await rm(folder, { recursive: true });
    expect(await rejection(cache.flush())).toMatchObject({ code: 'ENOENT' });
    expect(bits(await cache.get(key(3)))).toBe(bits(features(3)));
    await mkdir(folder);
    await cache.set(key(4), features(4));
    await cache.flush();
    await rm(folder, { recursive: true });
    await cache.set(key(5), features(5));
    expect(await rejection(cache.close())).toMatchObject({ code: 'ENOENT' });
    if (process.platform === 'linux') {
      const open = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      expect(open.filter((path) => path.startsWith(folder))).toEqual([]);
    }
    await mkdir(folder);
    await cache.close();
    const again = await featureCache(directory, encoder);
    expect([again.size, again.has(key(5))]).toEqual([1, true]);
    await again.close();
  });

  it('another process may remove a file while the folder is opened', async () => {
    const [first, second] = await fill(6);
    await truncate(first!, 5);
    await utimes(first!, 1, 1); // read first
    const cache = await featureCache(directory, encoder, { onBroken: () => rmSync(second!) });
    expect(cache.size).toBe(0);
    await cache.close();
  });

  it('sweeps old half files of processes that are gone, and no others', async () => {
    await fill(1);
    const half = async (name: string, age: number) => {
      const path = join(directory, 'tiny', name);
      await writeFile(path, 'half');
      await utimes(path, Date.now() / 1000 - age, Date.now() / 1000 - age);
    };
    await half('old.features.99999999.tmp', 7200);
    await half('young.features.99999999.tmp', 60);
    await half(`own.features.${process.pid}.tmp`, 7200);
    await half('notes.tmp', 7200);
    await (await featureCache(directory, encoder)).close();
    const names = await readdir(join(directory, 'tiny'));
    expect(names.filter((name) => name.endsWith('.tmp')).sort()).toEqual(
      ['notes.tmp', `own.features.${process.pid}.tmp`, 'young.features.99999999.tmp'].sort(),
    );
  });

  it('leaves nothing behind but whole files', async () => {
    for (const path of await fill(7)) expect(path).toMatch(/[0-9a-f]{32}\.features$/);
  });
});

describe('damage', () => {
  const openWith = (onBroken?: () => void) => featureCache(directory, encoder, onBroken ? { onBroken } : {});

  it('any flipped bit is found, on opening or on reading', async () => {
    const [path] = await fill(3);
    const whole = await readFile(path!);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1 << (at % 8);
      await writeFile(path!, damaged);
      const cache = await openWith().catch((error: unknown) => error as { code: string });
      if ('code' in cache) expect(cache.code).toBe('broken-cache');
      else {
        const read = await rejection(Promise.all([0, 1, 2].map((i) => cache.get(key(i)))));
        expect(read.code).toBe('broken-cache');
        await cache.close();
      }
    }
  });

  it('a cut file is found at every length, and left out where the caller says so', async () => {
    const paths = await fill(6);
    const { length } = await readFile(paths[0]!);
    for (const end of [length - 1, length >> 1, 40, 11, 0]) {
      await truncate(paths[0]!, end);
      expect((await rejection(openWith())).message).toMatch(/Delete the file/);
    }
    let told = 0;
    const cache = await openWith(() => told++);
    expect([told, cache.size]).toEqual([1, 3]);
    await cache.close();
  });

  it('features that are damaged later are made again where the caller says so', async () => {
    const [path] = await fill(1);
    const whole = await readFile(path!);
    whole[whole.length - 1]! ^= 1;
    await writeFile(path!, whole);
    const problems: string[] = [];
    const cache = await featureCache(directory, encoder, { onBroken: ({ code }) => problems.push(code) });
    const asked: number[] = [];
    const cached = cachedEncoder(
      {
        ...encoder,
        encode: async (images) => {
          asked.push(images.length);
          return images.map(() => features(0));
        },
      },
      cache,
    );
    for (let i = 0; i < 2; i++) expect(bits((await cached.encode([Uint8Array.of(0)]))[0])).toBe(bits(features(0)));
    expect([problems, asked]).toEqual([['broken-cache'], [1]]);
    await cache.close();
  });

  it('features of another shape are not mixed in', async () => {
    await fill(1);
    const error = await rejection(featureCache(directory, { ...encoder, width: 4 }));
    expect(error.message).toMatch(/expected features of tiny \[2, 4\], got tiny \[2, 3\]/);
  });

  it('wrong keys, lengths and names are refused', async () => {
    const cache = await featureCache(directory, encoder);
    expect((await rejection(cache.set('abc', features(1)))).message).toMatch(/64 hexadecimal digits/);
    expect((await rejection(cache.set(key(1), new Float32Array(5)))).message).toMatch(/\[2, 3\] = 6 numbers, got 5/);
    await cache.close();
    for (const id of ['../x', '', '.hidden', 'a/b'])
      expect((await rejection(featureCache(directory, { ...encoder, id }))).code).toBe('invalid-argument');
    expect((await rejection(featureCache(directory, encoder, { imagesPerFile: 0 }))).code).toBe('invalid-argument');
    expect((await rejection(featureCache(directory, encoder, { maxBytes: 0 }))).code).toBe('invalid-argument');
  });
});
