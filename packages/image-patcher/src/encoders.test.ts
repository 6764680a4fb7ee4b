import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barePatches } from './bare-patches.ts';
import { cachedEncoder } from './cached-encoder.ts';
import { encodeSamples } from './encode-samples.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { memoryCache } from './memory-cache.ts';
import { createEncoder, type EncoderOptions } from './onnx-encoder.ts';
import type { Preprocessing } from './preprocessing.ts';
import { png, rejection, rgbPattern } from './testing/pictures.ts';
import { tinyOnnx } from './testing/tiny-onnx.ts';

const preprocessing: Preprocessing = { size: 8, fit: 'squash', normalisation: 'minus-one-to-one' };
const patch = 4;
const width = 5;
const weights_FCPP = Float32Array.from({ length: width * 3 * patch * patch }, (_, i) => Math.sin(i));
const shape = { size: 8, patch, width, weights_FCPP };
let images: Buffer[];

beforeAll(async () => {
  images = await Promise.all(Array.from({ length: 5 }, (_, seed) => png(rgbPattern(8, 8, seed), 8, 8)));
});

/** The convolution by its definition, on the patches. */
function expected(patches_PD: Float32Array): number[] {
  const out: number[] = [];
  const length = patch * patch * 3;
  for (let p = 0; p < 4; p++)
    for (let f = 0; f < width; f++) {
      let sum = 0;
      for (let i = 0; i < patch * patch; i++)
        for (let c = 0; c < 3; c++)
          sum += patches_PD[p * length + i * 3 + c]! * weights_FCPP[(f * 3 + c) * patch * patch + i]!;
      out.push(sum);
    }
  return out;
}

/** Features of images of which none is broken. */
async function all(encoder: ImageEncoder): Promise<Float32Array[]> {
  return (await encoder.encode(images)).map((features) => features!);
}

async function check(encoder: ImageEncoder): Promise<void> {
  const bare = await all(barePatches({ ...preprocessing, patch }));
  const features = await all(encoder);
  expect([encoder.patches, encoder.width, features.length]).toEqual([4, width, 5]);
  features.forEach((feature, i) => {
    const right = expected(bare[i]!);
    feature.forEach((value, j) => {
      expect(value).toBeCloseTo(right[j]!, 4);
    });
    expect(feature).toHaveLength(20);
  });
}

describe('barePatches', () => {
  it('are the pixels, cut', async () => {
    const encoder = barePatches({ ...preprocessing, patch });
    expect([encoder.patches, encoder.width]).toEqual([4, 48]);
    const [features] = await encoder.encode(images.slice(0, 1));
    const pattern = rgbPattern(8, 8, 0);
    expect(features![0]).toBeCloseTo(pattern[0]! / 127.5 - 1, 5);
    expect(features![48]).toBeCloseTo(pattern[4 * 3]! / 127.5 - 1, 5); // second patch: column 4
  });

  it('have an id that follows the settings', () => {
    const id = (more: Partial<Preprocessing & { patch: number }>) =>
      barePatches({ ...preprocessing, patch, ...more }).id;
    expect(id({})).toBe(id({}));
    expect(new Set([id({}), id({ patch: 2 }), id({ fit: 'crop' }), id({ background: [0, 0, 0] })]).size).toBe(4);
  });
});

describe('createEncoder', () => {
  it.each<[string, Parameters<typeof tinyOnnx>[0], Partial<EncoderOptions>]>([
    ['any batch size, NCHW', { ...shape, batch: 'B' }, {}],
    ['batches of two', { ...shape, batch: 'B' }, { batchSize: 2, threads: 1 }],
    ['a fixed batch of three', { ...shape, batch: 3 }, {}],
    ['NHWC', { ...shape, batch: 'B', layout: 'NHWC' }, { layout: 'NHWC' }],
    ['a map', { ...shape, batch: 2, output: 'BFHW' }, { outputLayout: 'BFHW', outputName: 'features' }],
  ])('%s', async (_, graph, options) => {
    const encoder = await createEncoder(tinyOnnx(graph), { preprocessing, ...options });
    await check(encoder);
    await encoder.dispose();
    await encoder.dispose();
    expect((await rejection(encoder.encode(images))).code).toBe('invalid-argument');
  });

  it('from a path; same file and settings, same id', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patcher-'));
    const path = join(folder, 'tiny.onnx');
    await writeFile(path, tinyOnnx({ ...shape, batch: 'B' }));
    const [a, b, c] = await Promise.all([
      createEncoder(path, { preprocessing }),
      createEncoder(tinyOnnx({ ...shape, batch: 'B' }), { preprocessing, batchSize: 7 }),
      createEncoder(path, { preprocessing: { ...preprocessing, fit: 'crop' } }),
    ]);
    expect(a.id).toBe(b.id);
    expect(a.id).not.toBe(c.id);
    await Promise.all([a, b, c].map((encoder) => encoder.dispose()));
    await rm(folder, { recursive: true });
  });

  it('leaves out leading tokens that are no patches', async () => {
    const model = tinyOnnx({ ...shape, batch: 'B' });
    const all = await createEncoder(model, { preprocessing });
    const some = await createEncoder(model, { preprocessing, skipTokens: 1 });
    expect(some.patches).toBe(3);
    expect((await some.encode(images))[2]).toEqual((await all.encode(images))[2]!.slice(width));
    await Promise.all([all.dispose(), some.dispose()]);
  });

  it('encodes nothing for nothing', async () => {
    const encoder = await createEncoder(tinyOnnx({ ...shape, batch: 'B' }), { preprocessing });
    expect(await encoder.encode([])).toEqual([]);
    await encoder.dispose();
  });

  const refused: [string, () => Promise<unknown>, string, RegExp][] = [
    [
      'no ONNX',
      () => createEncoder(Buffer.from('nonsense'), { preprocessing }),
      'encoder-mismatch',
      /Expected an ONNX model, got 8 bytes that are none/,
    ],
    [
      'another size',
      () => make({ preprocessing: { ...preprocessing, size: 16 } }),
      'encoder-mismatch',
      /\[B, 3, 16, 16\]/,
    ],
    ['another layout', () => make({ layout: 'NHWC' }), 'encoder-mismatch', /check size and layout/],
    [
      'no such input',
      () => make({ inputName: 'pixels' }),
      'encoder-mismatch',
      /one input called pixels, it needs image/,
    ],
    ['no such output', () => make({ outputName: 'cls' }), 'encoder-mismatch', /called cls, the encoder has features/],
    ['another output layout', () => make({ outputLayout: 'BFHW' }), 'encoder-mismatch', /float32 BFHW for 1 images/],
    ['all tokens skipped', () => make({ skipTokens: 4 }), 'encoder-mismatch', /more than skipTokens = 4/],
    ['batchSize', () => make({ batchSize: 0 }), 'invalid-argument', /batchSize.*got 0/],
    ['threads', () => make({ threads: 0.5 }), 'invalid-argument', /threads.*got 0.5/],
    ['skipTokens', () => make({ skipTokens: -1 }), 'invalid-argument', /skipTokens.*got -1/],
    ['layout', () => make({ layout: 'CHWN' as never }), 'invalid-argument', /got CHWN/],
  ];
  const make = (options: Partial<EncoderOptions>) =>
    createEncoder(tinyOnnx({ ...shape, batch: 'B' }), { preprocessing, ...options });
  it.each(refused)('refuses %s', async (_, action, code, message) => {
    const error = await rejection(action());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});

describe('broken images', () => {
  const encoder = barePatches({ ...preprocessing, patch });
  const samples = () => [
    { name: 'a', bytes: images[0]! },
    { name: 'b', bytes: Buffer.from('no image') },
    { name: 'c', bytes: images[2]! },
    { name: 'd', bytes: images[3]!.subarray(0, 60) },
  ];

  it('are errors that name the sample', async () => {
    const error = await rejection(encodeSamples(encoder, samples()));
    expect(error).toMatchObject({ code: 'unknown-format', index: 1 });
    expect(error.message).toMatch(/^b: /);
  });

  it('are left out, counted and reported where the caller says so', async () => {
    for (const each of [encoder, cachedEncoder(encoder, memoryCache())]) {
      const problems: string[] = [];
      const result = await encodeSamples(each, samples(), {
        onBroken: ({ name, error }) => problems.push(`${name} ${error.code}`),
      });
      expect(problems).toEqual(['b unknown-format', 'd broken-image']);
      expect(result.broken).toBe(2);
      const [a, c] = await encoder.encode([images[0]!, images[2]!]);
      expect(result.features).toEqual([a, undefined, c, undefined]);
    }
  });

  it('what is not the image’s fault is never skipped', async () => {
    const failing: ImageEncoder = { ...encoder, encode: () => Promise.reject(new Error('out of memory')) };
    const skipped: unknown[] = [];
    await expect(encodeSamples(failing, samples(), { onBroken: (p) => skipped.push(p) })).rejects.toThrow(
      'out of memory',
    );
    expect(skipped).toEqual([]);
  });
});

describe('cachedEncoder', () => {
  it('encodes each image once', async () => {
    const inner = barePatches({ ...preprocessing, patch });
    const asked: number[] = [];
    const cached = cachedEncoder(
      {
        ...inner,
        encode: (list, options) => {
          asked.push(list.length);
          return inner.encode(list, options);
        },
      },
      memoryCache(),
    );
    const first = await cached.encode([images[0]!, images[1]!, images[0]!]);
    const second = await cached.encode([images[1]!, images[2]!]);
    expect(asked).toEqual([2, 1]);
    expect(first[2]).toEqual(first[0]);
    expect(second[0]).toEqual(first[1]);
    first[0]!.fill(7); // what a caller does to its copy stays its own
    expect((await cached.encode([images[0]!]))[0]).toEqual(first[2]);
  });

  it('keeps no features of another size, and takes no gap for a broken image', async () => {
    const inner = barePatches({ ...preprocessing, patch });
    for (const [made, got] of [
      [[], 'none, and no word of a broken image'],
      [[new Float32Array(7)], '7'],
    ] as const) {
      const cache = memoryCache();
      const cached = cachedEncoder({ ...inner, encode: async () => [...made] }, cache);
      await expect(cached.encode([images[0]!], { names: ['a.png'] })).rejects.toMatchObject({
        code: 'encoder-mismatch',
        message: expect.stringMatching(new RegExp(`^a\\.png: expected \\d+ × \\d+ numbers .*, got ${got}\\.$`)),
      });
      expect(cache.size).toBe(0);
    }
  });
});

afterAll(() => {
  images = [];
});
