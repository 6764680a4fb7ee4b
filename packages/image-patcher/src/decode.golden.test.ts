import { describe, expect, it } from 'vitest';
import { decodeRgb } from './decode-image.ts';
import { resolvePreprocessing } from './preprocessing.ts';
import { fromBase64, golden } from './testing/golden.ts';

interface Case {
  id: string;
  file: string;
  width: number;
  height: number;
  rgb: string;
}

const { cases } = golden<{ cases: Case[] }>('decode.json');

describe('files have the pixels that Pillow finds', () => {
  it('has files of every format', () => {
    expect(new Set(cases.map(({ id }) => id.split('-')[0]))).toEqual(new Set(['jpeg', 'png', 'webp', 'gif', 'tiff']));
  });

  it.each(cases)('$id', async ({ file, width, height, rgb }) => {
    const settings = resolvePreprocessing({ size: { width, height }, fit: 'squash', normalisation: 'none' });
    const { rgb_HWC, original } = await decodeRgb(fromBase64(file), settings);
    expect(original).toEqual({ width, height });
    const expected = fromBase64(rgb);
    let worst = 0;
    rgb_HWC.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - expected[i]!));
    });
    expect(worst).toBe(0);
  });
});
