import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalisationTable, normalise } from './decode-image.ts';
import { patchGrid, patchify, patchifyRgb, unpatchify } from './patchify.ts';
import { rgbPattern } from './testing/pictures.ts';

describe('patchify', () => {
  it('puts patches row by row, pixels row by row, channels last', () => {
    const pixels = Float32Array.from({ length: 4 * 4 * 3 }, (_, i) => i);
    const patches = patchify(pixels, 4, 2);
    expect([...patches.slice(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]); // top left
    expect([...patches.slice(12, 18)]).toEqual([6, 7, 8, 9, 10, 11]); // top right begins
    expect([...patches.slice(24, 27)]).toEqual([24, 25, 26]); // bottom left begins
  });

  it('unpatchify is its inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (side, patch) => {
        const size = side * patch;
        const pixels = Float32Array.from({ length: size * size * 3 }, (_, i) => i);
        expect(unpatchify(patchify(pixels, size, patch), size, patch)).toEqual(pixels);
        expect(patchify(unpatchify(pixels, size, patch), size, patch)).toEqual(pixels);
      }),
    );
  });

  it('takes any shape, and does with the remainder as told', () => {
    const shape = fc.record({
      width: fc.integer({ min: 1, max: 12 }),
      height: fc.integer({ min: 1, max: 12 }),
      patch: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(shape, ({ width, height, patch }) => {
        const pixels = Float32Array.from({ length: width * height * 3 }, (_, i) => i + 1);
        const size = { width, height };
        const padded = patchify(pixels, size, patch, { remainder: 'pad' });
        expect(padded).toHaveLength(Math.ceil(width / patch) * Math.ceil(height / patch) * patch * patch * 3);
        expect(unpatchify(padded, size, patch, { remainder: 'pad' })).toEqual(pixels);
        if (width < patch || height < patch) return;
        const [columns, rows] = [Math.floor(width / patch), Math.floor(height / patch)];
        const cropped = patchify(pixels, size, patch, { remainder: 'crop' });
        const back = unpatchify(cropped, size, patch, { remainder: 'crop' });
        expect(back).toEqual(
          pixels.map((value, i) => {
            const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
            return x < columns * patch && y < rows * patch ? value : 0;
          }),
        );
      }),
    );
  });

  it('from bytes is normalising and cutting', () => {
    const rgb = rgbPattern(10, 7);
    const table = normalisationTable({ mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] });
    const size = { width: 10, height: 7 };
    for (const remainder of ['crop', 'pad'] as const)
      expect(patchifyRgb(rgb, table, size, 3, { remainder })).toEqual(
        patchify(normalise(rgb, table), size, 3, { remainder }),
      );
  });

  it('refuses sides that do not fit', () => {
    expect(() => patchify(new Float32Array(48), 4, 3)).toThrow(/divides the image of 4 × 4 pixels, got 3/);
    expect(() => patchify(new Float32Array(47), 4, 2)).toThrow(/4 × 4 × 3 = 48 numbers, got 47/);
    expect(() => unpatchify(new Float32Array(48), 4, 0)).toThrow(/got 0/);
    expect(() => patchGrid(4, 5, { remainder: 'crop' })).toThrow(/at least one patch of 5, got 4 × 4/);
    expect(() => patchGrid(4, 2, { remainder: 'wrap' as never })).toThrow(/got wrap/);
    expect(() => patchGrid({ width: 4, height: 0 }, 2)).toThrow(/whole pixels from 1 to 8192, got 0/);
  });
});
