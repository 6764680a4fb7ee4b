import { describe, expect, it } from 'vitest';
import { drawn, uniformAt } from './random-policy.ts';

describe('uniformAt', () => {
  it('fills [0, 1) evenly, for neighbouring numbers and neighbouring seeds', () => {
    for (const sequence of [(n: number) => uniformAt(1, n), (n: number) => uniformAt(n, 0)]) {
      const bins = new Array<number>(64).fill(0);
      const count = 64_000;
      for (let n = 0; n < count; n++) bins[Math.floor(sequence(n) * 64)]!++;
      const chiSquare = bins.reduce((sum, b) => sum + (b - count / 64) ** 2 / (count / 64), 0);
      expect(chiSquare).toBeGreaterThan(30); // 63 degrees of freedom: 99.99 % lie between 30 and 112
      expect(chiSquare).toBeLessThan(112);
    }
  });

  it('does not carry over from one number to the next', () => {
    let product = 0;
    for (let n = 0; n < 10_000; n++) product += (uniformAt(3, n) - 0.5) * (uniformAt(3, n + 1) - 0.5);
    expect(Math.abs((product / 10_000) * 12)).toBeLessThan(0.04); // four standard errors
  });

  it('keeps its numbers', () => {
    expect([uniformAt(0, 0), uniformAt(124, 1), uniformAt(-1, 2 ** 40)]).toMatchInlineSnapshot(`
      [
        0.9991909425685614,
        0.636391473799623,
        0.15397080337066849,
      ]
    `);
  });
});

describe('drawn', () => {
  it('divides the line by weight', () => {
    const parts = [
      { name: 'a', part: 3 },
      { name: 'b', part: 1 },
    ];
    const at = (uniform: number) => drawn(parts, uniform, ({ part }) => part).name;
    expect([0, 0.7499, 0.7501, 1].map(at)).toEqual(['a', 'a', 'b', 'b']);
  });
});
