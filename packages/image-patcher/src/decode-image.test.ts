import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { barePatches } from './bare-patches.ts';
import { type DecodeLimits, decodeImage, decodeRgb } from './decode-image.ts';
import { isImageProblem } from './patcher-error.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';
import { png, rejection, rgbPattern } from './testing/pictures.ts';

const squash = (size: number, more: Partial<Preprocessing> = {}): Preprocessing => ({
  size,
  fit: 'squash',
  normalisation: 'minus-one-to-one',
  ...more,
});
const rgb = async (bytes: Uint8Array, options: Preprocessing) =>
  (await decodeRgb(bytes, resolvePreprocessing(options))).rgb_HWC;
const pattern = rgbPattern(8, 8);
const pixel = (image: Uint8Array, size: number, x: number, y: number) => [
  ...image.subarray((y * size + x) * 3).subarray(0, 3),
];

describe('pixels', () => {
  it('of a lossless image come through', async () => {
    expect(Buffer.from(await rgb(await png(pattern, 8, 8), squash(8))).equals(pattern)).toBe(true);
  });

  it.each(['imagenet', 'siglip', 'clip', 'minus-one-to-one'] as const)('are normalised: %s', async (normalisation) => {
    const { pixels_HWC, width, height, original } = await decodeImage(
      await png(pattern, 8, 8),
      squash(8, { normalisation }),
    );
    expect([width, height, original]).toEqual([8, 8, { width: 8, height: 8 }]);
    const { mean, std } = resolvePreprocessing(squash(8, { normalisation }));
    pixels_HWC.forEach((value, i) => {
      expect(value).toBeCloseTo((pattern[i]! / 255 - mean[i % 3]!) / std[i % 3]!, 5);
    });
  });

  it('follow the EXIF orientation', async () => {
    const source = sharp(pattern, { raw: { width: 8, height: 8, channels: 3 } });
    const turned = await rgb(await source.clone().withMetadata({ orientation: 6 }).png().toBuffer(), squash(8));
    expect(pixel(turned, 8, 7, 0)).toEqual(pixel(pattern, 8, 0, 0)); // 90° clockwise: top left goes top right
    expect(pixel(turned, 8, 0, 0)).toEqual(pixel(pattern, 8, 0, 7));
    const wide = await sharp(rgbPattern(10, 4), { raw: { width: 10, height: 4, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect((await decodeImage(wide, squash(8))).original).toEqual({ width: 4, height: 10 });
  });

  it('lay transparency on the background', async () => {
    const clear = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(pixel(await rgb(clear, squash(4)), 4, 0, 0)).toEqual([255, 255, 255]);
    expect(pixel(await rgb(clear, squash(4, { background: [10, 20, 30] })), 4, 3, 3)).toEqual([10, 20, 30]);
  });

  it('of grey, 16-bit, palette and CMYK images are 8-bit RGB', async () => {
    const grey = await sharp(
      Uint8Array.from({ length: 16 }, (_, i) => i * 16),
      { raw: { width: 4, height: 4, channels: 1 } },
    )
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect(pixel(await rgb(grey, squash(4)), 4, 2, 0)).toEqual([32, 32, 32]);
    const deep = await sharp(pattern, { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expect(Buffer.from(await rgb(deep, squash(8))).equals(pattern)).toBe(true);
    const flat = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 40, b: 60 } } });
    const palette = await flat.clone().png({ palette: true }).toBuffer();
    expect(pixel(await rgb(palette, squash(8)), 8, 1, 1)).toEqual([200, 40, 60]);
    const cmyk = await flat.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const [r, g, b] = pixel(await rgb(cmyk, squash(8)), 8, 4, 4) as [number, number, number];
    expect(Math.abs(r - 200) + Math.abs(g - 40) + Math.abs(b - 60)).toBeLessThan(40);
  });

  it('are those of the first frame', async () => {
    const frame = (value: number) => Buffer.alloc(4 * 4 * 3, value);
    const gif = await sharp(Buffer.concat([frame(0), frame(255)]), {
      raw: { width: 4, height: 8, channels: 3, pageHeight: 4 },
    })
      .gif()
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    const { original, pixels_HWC } = await decodeImage(gif, squash(4));
    expect(original).toEqual({ width: 4, height: 4 });
    expect(Math.max(...pixels_HWC)).toBe(-1);
  });

  it.each(['jpeg', 'webp', 'avif', 'tiff'] as const)('of %s files', async (format) => {
    const flat = sharp({ create: { width: 16, height: 16, channels: 3, background: { r: 200, g: 40, b: 60 } } });
    const [r, g, b] = pixel(await rgb(await flat.toFormat(format).toBuffer(), squash(8)), 8, 4, 4) as [
      number,
      number,
      number,
    ];
    expect(Math.abs(r - 200) + Math.abs(g - 40) + Math.abs(b - 60)).toBeLessThan(12);
  });
});

describe('fits', () => {
  // 6 × 2: left third red, middle green, right blue
  const bands = Uint8Array.from({ length: 36 }, (_, i) => (Math.floor((i % 18) / 6) === i % 3 ? 255 : 0));

  it('letterbox pads with the mean colour', async () => {
    const out = await rgb(await png(bands, 6, 2), { size: 6, fit: 'letterbox', normalisation: 'clip' });
    expect(pixel(out, 6, 3, 0)).toEqual([122, 116, 104]);
    expect(pixel(out, 6, 3, 5)).toEqual([122, 116, 104]);
    expect([0, 2, 4].map((x) => pixel(out, 6, x, 2))).toEqual([
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ]);
  });

  it('crop keeps the middle, squash everything', async () => {
    const image = await png(bands, 6, 2);
    const crop = await rgb(image, { size: 2, fit: 'crop', normalisation: 'clip' });
    expect([pixel(crop, 2, 0, 0), pixel(crop, 2, 1, 1)]).toEqual([
      [0, 255, 0],
      [0, 255, 0],
    ]);
    const all = await rgb(image, { size: 6, fit: 'squash', normalisation: 'clip' });
    expect([0, 5].map((x) => pixel(all, 6, x, 3))).toEqual([
      [255, 0, 0],
      [0, 0, 255],
    ]);
  });

  it('any shape: wide and tall results', async () => {
    const image = await png(bands, 6, 2);
    const wide = { size: { width: 6, height: 2 }, normalisation: 'clip' } as const;
    for (const fit of ['letterbox', 'crop', 'squash'] as const)
      expect([...(await rgb(image, { ...wide, fit }))]).toEqual([...bands]);
    const tall = await rgb(image, { size: { width: 2, height: 4 }, fit: 'crop', normalisation: 'clip' });
    expect(tall).toHaveLength(24);
    const boxed = await decodeImage(image, { size: { width: 3, height: 6 }, fit: 'letterbox', normalisation: 'clip' });
    expect([boxed.width, boxed.height, boxed.pixels_HWC.length]).toEqual([3, 6, 54]);
  });

  it('an odd difference is evened out by the resize', async () => {
    const out = await rgb(await png(rgbPattern(5, 4), 5, 4), { size: 5, fit: 'letterbox', normalisation: 'clip' });
    expect(out).toHaveLength(75);
  });
});

describe('what is refused', () => {
  it('bytes that are no image, with the name', async () => {
    for (const bytes of [
      new Uint8Array(),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      Buffer.from('hello'),
    ]) {
      const error = await rejection(decodeImage(bytes, squash(8, { name: 'sample-7' } as never)));
      expect(error.code).toBe('unknown-format');
      expect(error.message).toMatch(/^sample-7: expected a PNG/);
    }
  });

  it('images cut off or damaged, in every format', async () => {
    const source = sharp(rgbPattern(64, 64), { raw: { width: 64, height: 64, channels: 3 } });
    for (const format of ['png', 'jpeg', 'webp', 'gif'] as const) {
      const whole = await source.clone().toFormat(format).toBuffer();
      const error = await rejection(decodeImage(whole.subarray(0, whole.length >> 1), { ...squash(8), name: format }));
      expect(error).toMatchObject({ code: 'broken-image' });
      expect(error.message).toMatch(new RegExp(`^${format}: the image cannot be decoded`));
    }
    const flipped = await source.clone().png().toBuffer();
    flipped[flipped.length >> 1]! ^= 0xff;
    expect(await rejection(decodeImage(flipped, squash(8)))).toMatchObject({ code: 'broken-image' });
  });

  it('too many pixels or bytes', async () => {
    const image = await png(rgbPattern(32, 32), 32, 32);
    expect(await rejection(decodeImage(image, { ...squash(8), maxPixels: 1000 }))).toMatchObject({ code: 'too-large' });
    const error = await rejection(decodeImage(image, { ...squash(8), maxBytes: 10, name: 'big' }));
    expect(error.message).toMatch(/^big: expected at most 10 bytes, got \d+/);
  });

  it('a line that resizing would need gigabytes for', async () => {
    const line = await png(new Uint8Array(3 * 180_000), 1, 180_000);
    expect(line.length).toBeLessThan(10_000);
    const error = await rejection(decodeImage(line, { ...squash(8192), name: 'line' }));
    expect([error.code, isImageProblem(error)]).toEqual(['too-large', true]);
    expect(error.message).toMatch(/^line: resizing 1 × 180000 pixels to 8192 × 8192 takes \d+ bytes of memory/);
    expect((await decodeImage(line, squash(8))).original).toEqual({ width: 1, height: 180_000 });
  });

  it.each<[DecodeLimits, RegExp]>([
    [{ maxPixels: -1 }, /maxPixels to be a whole number of at least 1, got -1/],
    [{ maxPixels: 1e6 + 0.5 }, /maxPixels.*got 1000000\.5/],
    [{ maxBytes: Number.NaN }, /maxBytes to be a number of at least 1, got NaN/],
    [{ timeoutSeconds: 0 }, /timeoutSeconds to be a number above 0, at most 3600, got 0/],
    [{ timeoutSeconds: 4000 }, /got 4000/],
  ])('limits that are none, without blame on an image: %j', async (limits, message) => {
    const image = await png(rgbPattern(32, 32), 32, 32);
    const error = await rejection(decodeImage(image, { ...squash(8), ...limits }));
    expect([error.code, isImageProblem(error)]).toEqual(['invalid-argument', false]);
    expect(error.message).toMatch(message);
    expect(() => barePatches({ ...squash(8), patch: 8, ...limits })).toThrow(message);
  });

  it('no image for half a second of time, nor for any number of bytes', async () => {
    const limits = { timeoutSeconds: 0.5, maxBytes: Number.POSITIVE_INFINITY };
    const image = await png(rgbPattern(32, 32), 32, 32);
    expect((await decodeImage(image, { ...squash(8), ...limits })).width).toBe(8);
  });

  it.each<[string, Partial<Preprocessing>, RegExp]>([
    ['size', { size: 0 }, /size.*got 0/],
    ['shortestEdge', { fit: 'crop', shortestEdge: 4 }, /shortestEdge.*from 8/],
    ['fit', { fit: 'cover' as never }, /letterbox, crop, squash, got cover/],
    ['normalisation', { normalisation: 'vgg' as never }, /Unknown normalisation vgg: expected imagenet/],
    ['an inherited name', { normalisation: 'toString' as never }, /Unknown normalisation/],
    ['mean', { normalisation: { mean: [0, 0, 2], std: [1, 1, 1] } }, /mean/],
    ['std', { normalisation: { mean: [0, 0, 0], std: [1, 0, 1] } }, /std/],
    ['background', { background: [0, 0, 300] }, /background/],
  ])('settings: %s', async (_, more, message) => {
    const error = await rejection(decodeImage(await png(pattern, 8, 8), squash(8, more)));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toMatch(message);
  });
});
