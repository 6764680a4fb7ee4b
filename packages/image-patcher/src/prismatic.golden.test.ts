import { describe, expect, it } from 'vitest';
import { decodeImage, decodeRgb } from './decode-image.ts';
import { type Preprocessing, type RGB, resolvePreprocessing } from './preprocessing.ts';
import { fromBase64, golden } from './testing/golden.ts';
import { png } from './testing/pictures.ts';

interface Case {
  id: string;
  way: 'letterbox' | 'resize-naive' | 'resize-crop';
  width: number;
  height: number;
  mean: RGB;
  std: RGB;
  size: number;
  /** What the encoder's own transform resizes the shorter side to. */
  resize: number;
  /** Does prismatic force this encoder's resize to an exact square? */
  exactSquare: boolean;
  expected: string;
  first: number[];
}

const { cases, images } = golden<{ cases: Case[]; images: Record<string, string> }>('prismatic.json');

function settings({ way, mean, std, size, resize, exactSquare }: Case): Preprocessing {
  const fit = { letterbox: 'letterbox', 'resize-naive': 'squash', 'resize-crop': 'crop' } as const;
  const keepsShape = way === 'resize-crop' || (way === 'letterbox' && !exactSquare);
  return { size, fit: fit[way], normalisation: { mean, std }, ...(keepsShape && { shortestEdge: resize }) };
}

describe('prismatic’s transforms, to the bit', () => {
  it('has cases of three encoders and three ways', () => {
    expect(new Set(cases.map(({ id, way }) => `${id.split('-')[0]} ${way}`)).size).toBe(9);
  });

  it.each(cases)('$id', async (example) => {
    const { width, height, size, expected, first } = example;
    const file = await png(fromBase64(images[`${width}x${height}`]!), width, height);
    const { rgb_HWC } = await decodeRgb(file, resolvePreprocessing(settings(example)));
    expect(Buffer.from(rgb_HWC).toString('base64')).toBe(expected);
    const { pixels_HWC } = await decodeImage(file, settings(example));
    expect(pixels_HWC).toHaveLength(size * size * 3);
    first.forEach((value, c) => {
      expect(pixels_HWC[c]!).toBeCloseTo(value, 5);
    });
  });
});
