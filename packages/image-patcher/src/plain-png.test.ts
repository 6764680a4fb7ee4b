import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePlainPng } from './plain-png.ts';
import { rgbPattern } from './testing/pictures.ts';

const source = (rgb: Uint8Array, size: number, channels: 3 | 4 = 3) =>
  sharp(rgb, { raw: { width: size, height: size, channels } });

describe('decodePlainPng', () => {
  it('agrees with sharp on any pixels, whatever filters the writer chose', async () => {
    const images = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc.record({
        size: fc.constant(size),
        rgb: fc.oneof(
          fc.uint8Array({ minLength: size * size * 3, maxLength: size * size * 3 }),
          fc.integer({ min: 0, max: 99 }).map((seed) => rgbPattern(size, size, seed)),
        ),
        adaptiveFiltering: fc.boolean(),
      }),
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(images, async ({ size, rgb, adaptiveFiltering }) => {
        const file = await source(rgb, size).png({ adaptiveFiltering }).toBuffer();
        const plain = decodePlainPng(file, size);
        if (plain === undefined) return; // tiny files are left to sharp
        taken++;
        expect(Buffer.from(plain).equals(await sharp(file).removeAlpha().raw().toBuffer())).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect(taken).toBeGreaterThan(80);
  });

  it('undoes every filter', async () => {
    const smooth = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % 64, Math.floor(i / 192)];
      return (x * x + y * 3 + ((x * y) >> 3) + (i % 3) * 40) & 255;
    });
    const file = await source(smooth, 64).png({ adaptiveFiltering: true }).toBuffer();
    expect(Buffer.from(decodePlainPng(file, 64)!).equals(smooth)).toBe(true);
  });

  it('drops an opaque alpha channel, leaves a visible one to sharp', async () => {
    const rgba = Uint8Array.from({ length: 16 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256));
    const opaque = await source(rgba, 16, 4).png().toBuffer();
    const rgb = rgba.filter((_, i) => i % 4 !== 3);
    expect(Buffer.from(decodePlainPng(opaque, 16)!).equals(rgb)).toBe(true);
    rgba[7] = 254;
    expect(decodePlainPng(await source(rgba, 16, 4).png().toBuffer(), 16)).toBeUndefined();
  });

  it('leaves everything else to sharp', async () => {
    const pattern = rgbPattern(16, 16);
    const png = source(pattern, 16);
    const whole = await png.clone().png().toBuffer();
    expect(decodePlainPng(whole, 16)).toBeDefined();
    const others = {
      size: decodePlainPng(whole, 17),
      palette: decodePlainPng(await png.clone().png({ palette: true }).toBuffer(), 16),
      interlaced: decodePlainPng(await png.clone().png({ progressive: true }).toBuffer(), 16),
      deep: decodePlainPng(await png.clone().toColourspace('rgb16').png().toBuffer(), 16),
      turned: decodePlainPng(await png.clone().withMetadata({ orientation: 6 }).png().toBuffer(), 16),
      profile: decodePlainPng(await png.clone().withIccProfile('p3').png().toBuffer(), 16),
      jpeg: decodePlainPng(await png.clone().jpeg().toBuffer(), 16),
      empty: decodePlainPng(new Uint8Array(), 16),
    };
    for (const [name, result] of Object.entries(others)) expect(result, name).toBeUndefined();
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      if (at >= 8) expect(decodePlainPng(damaged, 16), `byte ${at}`).toBeUndefined();
      expect(decodePlainPng(whole.subarray(0, at), 16), `cut at ${at}`).toBeUndefined();
    }
  });
});
