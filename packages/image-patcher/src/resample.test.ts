import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planGeometry } from './geometry.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';
import { resampleRgb } from './resample.ts';
import { filterTaps, RESAMPLES } from './resample-filters.ts';
import { assemble, generated } from './testing/assemble.ts';
import { rgbPattern } from './testing/pictures.ts';

describe('resampleRgb', () => {
  it('runs what resample.wat says', async () => {
    expect(readFileSync(generated, 'utf8')).toBe(await assemble());
  });

  it('agrees with the sums by their definition, padding and cropping included', () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      to: fc.record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 24 }) }),
      fit: fc.constantFrom<Preprocessing['fit']>('letterbox', 'crop', 'squash'),
      resample: fc.constantFrom(...RESAMPLES),
      more: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(cases, ({ width, height, to, fit, resample, more }) => {
        const settings = resolvePreprocessing({
          size: to,
          fit,
          resample,
          normalisation: 'clip',
          ...(fit === 'crop' && more > 0 && { shortestEdge: Math.max(to.width, to.height) + more }),
        });
        const geometry = planGeometry(width, height, settings);
        const image = { data: rgbPattern(width, height), width, height };
        const ours = resampleRgb(image, geometry, [10, 20, 30], resample, to);
        expect([...ours]).toEqual(byDefinition(image, geometry, [10, 20, 30], resample, to));
      }),
      { numRuns: 200 },
    );
  });

  it('letterboxes a thin image at the cost of its own pixels, not of the square around it', () => {
    const image = { data: new Uint8Array(4 * 60_000 * 3), width: 4, height: 60_000 };
    const settings = resolvePreprocessing({ size: 8, fit: 'letterbox', normalisation: 'siglip' });
    const startMs = performance.now();
    const out = resampleRgb(image, planGeometry(4, 60_000, settings), [7, 8, 9], 'bicubic', { width: 8, height: 8 });
    expect(performance.now() - startMs).toBeLessThan(2000); // the square has 3.6 gigapixels
    expect([...out.subarray(0, 3)]).toEqual([7, 8, 9]);
  });

  it('goes through an image larger than its memory in bands', () => {
    const [width, height] = [2000, 1500];
    const image = { data: rgbPattern(width, height), width, height };
    const geometry = planGeometry(
      width,
      height,
      resolvePreprocessing({ size: { width: 7, height: 5 }, fit: 'squash', normalisation: 'clip' }),
    );
    const size = { width: 7, height: 5 };
    expect([...resampleRgb(image, geometry, [0, 0, 0], 'bicubic', size)]).toEqual(
      byDefinition(image, geometry, [0, 0, 0], 'bicubic', size),
    );
  });
});

/** Pads, weighs columns and rounds, weighs rows and rounds, cuts: each step on the whole image. */
function byDefinition(
  image: { data: Uint8Array; width: number; height: number },
  { pad, resized, crop }: ReturnType<typeof planGeometry>,
  fill: readonly [number, number, number],
  resample: (typeof RESAMPLES)[number],
  size: { width: number; height: number },
): number[] {
  const [width, height] = [image.width + 2 * pad.x, image.height + 2 * pad.y];
  const at = (x: number, y: number, c: number): number => {
    const [ix, iy] = [x - pad.x, y - pad.y];
    const inside = ix >= 0 && iy >= 0 && ix < image.width && iy < image.height;
    return inside ? image.data[(iy * image.width + ix) * 3 + c]! : fill[c]!;
  };
  const weigh = (input: number, output: number, get: (i: number) => number, i: number): number => {
    const { bounds, weights } = filterTaps(resample, input, output, i, 1);
    let sum = 2 ** 21;
    for (let t = 0; t < bounds[1]!; t++) sum += get(bounds[0]! + t) * weights[t]!;
    return Math.min(255, Math.max(0, Math.floor(sum / 2 ** 22)));
  };
  const columns = new Map<string, number>();
  const column = (x: number, y: number, c: number): number => {
    const key = `${x} ${y} ${c}`;
    const known = columns.get(key) ?? weigh(width, resized.width, (i) => at(i, y, c), x);
    columns.set(key, known);
    return known;
  };
  const out: number[] = [];
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++)
      for (let c = 0; c < 3; c++) out.push(weigh(height, resized.height, (i) => column(x + crop.x, i, c), y + crop.y));
  return out;
}
