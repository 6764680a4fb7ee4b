import { describe, expect, it } from 'vitest';
import { decodeRgb } from './decode-image.ts';
import { letterboxFill, letterboxPadding } from './letterbox.ts';
import { type RGB, resolvePreprocessing } from './preprocessing.ts';
import { golden } from './testing/golden.ts';
import { png } from './testing/pictures.ts';

interface Case {
  id: string;
  kind: 'geometry' | 'pixels';
  input: { width: number; height: number; mean: RGB; rgb_rows?: number[][][] };
  expected: {
    padding_left_top_right_bottom?: [number, number, number, number];
    size: [number, number];
    fill?: RGB;
    rgb_rows?: number[][][];
  };
}

const { cases } = golden<{ cases: Case[] }>('letterbox.json');

describe('letterbox as prismatic has it', () => {
  it('has cases', () => {
    expect(cases.length).toBeGreaterThan(50);
  });

  it.each(cases.filter(({ kind }) => kind === 'geometry'))('geometry $id', ({ input, expected }) => {
    const { left, top, right, bottom, width, height } = letterboxPadding(input.width, input.height);
    expect([left, top, right, bottom]).toEqual(expected.padding_left_top_right_bottom);
    expect([width, height]).toEqual(expected.size);
    expect(letterboxFill(input.mean)).toEqual(expected.fill);
  });

  // Only results that are square: the odd pixel is resized away, which the reference cases leave out.
  const square = cases.filter(({ kind, expected }) => kind === 'pixels' && expected.size[0] === expected.size[1]);
  it.each(square)('pixels $id', async ({ input, expected }) => {
    const { width, height, mean, rgb_rows } = input;
    const settings = resolvePreprocessing({
      size: expected.size[0],
      fit: 'letterbox',
      normalisation: { mean, std: [1, 1, 1] },
    });
    const image = await png(Uint8Array.from(rgb_rows!.flat(2)), width, height);
    const { rgb_HWC } = await decodeRgb(image, settings);
    expect([...rgb_HWC]).toEqual(expected.rgb_rows!.flat(2));
  });

  it('covers square results', () => {
    expect(square.length).toBeGreaterThan(1);
  });
});
