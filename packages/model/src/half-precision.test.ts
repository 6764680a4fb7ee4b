import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from './half-precision.ts';

const all = Uint16Array.from({ length: 65536 }, (_, half) => half);
const formats = [
  ['binary16', halfToFloat32, float32ToHalf],
  ['bfloat16', bfloat16ToFloat32, float32ToBfloat16],
] as const;

describe.each(formats)('%s', (_, widen, narrow) => {
  const values = widen(all);
  const ordered = [...new Set(values.filter((x) => x >= 0))].sort((a, b) => a - b);

  it('comes back from float32 with the same bits, whatever they are; NaN as some NaN', () => {
    const back = narrow(values);
    all.forEach((half, i) => {
      if (Number.isNaN(values[i])) expect(widen(back.subarray(i, i + 1))[0]).toBeNaN();
      else expect(back[i]).toBe(half);
    });
  });

  it('rounds any float32 to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), fc.nat(ordered.length - 3), fc.boolean(), (any, at, isTie) => {
        const [low, high] = [ordered[at]!, ordered[at + 1]!];
        const x = isTie ? Math.fround((low + high) / 2) : any;
        const half = narrow(Float32Array.of(x))[0]!;
        const got = widen(Uint16Array.of(half))[0]!;
        if (isTie && x !== low && x !== high) expect(half % 2).toBe(0);
        if (!Number.isFinite(got)) {
          expect(Math.abs(x)).toBeGreaterThan(ordered.at(-2)!); // the largest finite number
          return;
        }
        const [before, after] = [half - 1, half + 1].map((h) => widen(Uint16Array.of(Math.max(h, 0)))[0]!);
        for (const other of [before!, after!]) {
          if (Number.isFinite(other)) expect(Math.abs(x - got)).toBeLessThanOrEqual(Math.abs(x - other));
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

it('binary16 overflows to infinity where the reference does', () => {
  expect([...float32ToHalf(Float32Array.of(65504, 65519.99609375, 65520, -1e30))]).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0xfc00,
  ]);
});
