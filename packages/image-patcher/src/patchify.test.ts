import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patchify, unpatchify } from './patchify.ts';

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

  it('refuses sides that do not fit', () => {
    expect(() => patchify(new Float32Array(48), 4, 3)).toThrow(/divides the image of 4 × 4 pixels, got 3/);
    expect(() => patchify(new Float32Array(47), 4, 2)).toThrow(/4 × 4 × 3 = 48 numbers, got 47/);
    expect(() => unpatchify(new Float32Array(48), 4, 0)).toThrow(/got 0/);
  });
});
