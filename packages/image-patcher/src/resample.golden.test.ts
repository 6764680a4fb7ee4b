import { describe, expect, it } from 'vitest';
import { resampleRgb } from './resample.ts';
import type { Resample } from './resample-filters.ts';
import { fromBase64, golden } from './testing/golden.ts';

interface Case {
  id: string;
  width: number;
  height: number;
  rgb: string;
  to: [number, number];
  expected: Record<Resample, string>;
}

const { cases } = golden<{ cases: Case[] }>('resample.json');

describe('resampling has the bits of Pillow', () => {
  it('has cases of every filter', () => {
    expect(cases.length).toBeGreaterThan(7);
    for (const { expected } of cases) expect(Object.keys(expected)).toHaveLength(6);
  });

  it.each(cases)('$id', ({ width, height, rgb, to, expected }) => {
    const size = { width: to[0], height: to[1] };
    const geometry = { pad: { x: 0, y: 0 }, resized: size, crop: { x: 0, y: 0 } };
    for (const [filter, pixels] of Object.entries(expected)) {
      const image = { data: fromBase64(rgb), width, height };
      const ours = resampleRgb(image, geometry, [0, 0, 0], filter as Resample, size);
      expect(Buffer.from(ours).toString('base64'), filter).toBe(pixels);
    }
  });
});
