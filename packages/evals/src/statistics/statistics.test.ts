import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { benjaminiHochberg } from './benjamini-hochberg.ts';
import { bootstrapClusters, bootstrapMean } from './bootstrap.ts';
import { holm } from './holm.ts';
import { mcNemarExact } from './mcnemar.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { bootstrapRuns } from './over-seeds.ts';
import { minimumDetectableDifference } from './power.ts';
import { tCdf, tQuantile } from './student-t.ts';
import { wilsonInterval } from './wilson.ts';

describe('normal distribution', () => {
  // Values of Φ⁻¹ and Φ from tables with 15 digits.
  it.each([
    [0.975, 1.959963984540054],
    [0.8, 0.8416212335729143],
    [0.5, 0],
    [0.001, -3.090232306167813],
    [1e-10, -6.361340902404056],
  ])('has its quantile at %f', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 9);
    expect(normalCdf(z)).toBeCloseTo(p, 12);
  });

  it('is its own inverse', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (p) => {
        expect(Math.abs(normalCdf(normalQuantile(p)) - p)).toBeLessThan(1e-12);
      }),
    );
  });
});

describe('Student’s t', () => {
  // Quantiles by SciPy 1.x, scipy.stats.t.ppf.
  it.each([
    [0.975, 1, 12.706204736174694],
    [0.975, 2, 4.302652729749462],
    [0.975, 3, 3.1824463052837078],
    [0.995, 9, 3.249835541592126],
    [0.975, 99, 1.9842169515864174],
    [0.975, 999, 1.9623414611334493],
  ])('has its quantile at %f with %i degrees', (p, degrees, t) => {
    expect(tQuantile(p, degrees)).toBeCloseTo(t, 10);
    expect(tQuantile(1 - p, degrees)).toBe(-tQuantile(p, degrees));
  });

  it('is its own inverse, grows, and comes to the normal distribution', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), fc.integer({ min: 1, max: 400 }), (p, n) => {
        expect(Math.abs(tCdf(tQuantile(p, n), n) - p)).toBeLessThan(1e-12);
        expect(tQuantile(p, n) >= tQuantile(p, n + 1)).toBe(p >= 0.5);
      }),
      { examples: [[0.5 + 1e-9, 3]] },
    );
    expect(tQuantile(0.975, 100_000)).toBeCloseTo(normalQuantile(0.975), 4);
    for (const odd of [0, 1.5]) expect(() => tCdf(0, odd)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => tQuantile(1, 2)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('bootstrapMean', () => {
  it('follows its seed', () => {
    const values = Array.from({ length: 40 }, (_, i) => (i * 7919) % 13);
    expect(bootstrapMean(values, { seed: 1 })).toEqual(bootstrapMean(values, { seed: 1 }));
    expect(bootstrapMean(values, { seed: 1 })).not.toEqual(bootstrapMean(values, { seed: 2 }));
  });

  it('agrees with the standard error of a mean', () => {
    const values = Array.from({ length: 1000 }, (_, i) => i % 2);
    const { estimate, low, high } = bootstrapMean(values, { seed: 3 });
    expect(estimate).toBe(0.5);
    expect(high - low).toBeCloseTo(2 * 1.96 * (0.5 / Math.sqrt(1000)), 2);
  });

  it('has the numbers of its example', () => {
    const { estimate, low, high } = bootstrapMean([0, 1, 1, 1, 0, 1, 1, 1], { seed: 7 });
    expect([estimate, low, high]).toEqual([0.75, 0.375, 1]);
  });

  it('weights items: bits per byte of a set are those of its bytes', () => {
    const { estimate, low, high } = bootstrapMean([1, 3], { seed: 1, weights: [3, 1] });
    expect(estimate).toBe(1.5);
    // Of two documents Student's t says how little is known: 12.7 standard errors, linearised √((2 / 1) · ((3 · ½)² + (1 · 1½)²)) / 4.
    expect([low, high]).toEqual(
      [1.5 - 12.706204736174694 * 0.75, 1.5 + 12.706204736174694 * 0.75].map((end) => expect.closeTo(end, 9)),
    );
  });

  it('refuses what is no sample', () => {
    expect(() => bootstrapMean([], { seed: 1 })).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
    expect(() => bootstrapMean([Number.NaN], { seed: 1 })).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
    for (const odd of [{ resamples: 10 }, { confidence: 1 }, { weights: [1] }, { weights: [1, 0] }])
      expect(() => bootstrapMean([1, 2], { seed: 1, ...odd })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    const clusters = ['a', 'a', 'b', 'c'];
    for (const weights of [[1000], [1000, -5, 1, 2], [1, 2, 3, 4, 5], [1, 2, 3, Number.NaN]])
      for (const of of [
        () => bootstrapMean([0, 1, 1, 0], { seed: 1, clusters, weights }),
        () => bootstrapRuns([[0, 1, 1, 0]], { seed: 1, clusters, weights }),
      ])
        expect(of).toThrow(
          expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('weights') }),
        );
  });
});

describe('several runs', () => {
  const items = Array.from({ length: 200 }, (_, i) => i % 2);

  it('are wider together where seeds differ, and like one where they agree', () => {
    const one = bootstrapMean(items, { seed: 1 });
    const same = bootstrapRuns([items, items], { seed: 1 });
    expect(same.high - same.low).toBeCloseTo(one.high - one.low, 1);
    const apart = bootstrapRuns([items, items.map(() => 1)], { seed: 1 });
    expect(apart.estimate).toBe(0.75);
    expect(apart.high - apart.low).toBeGreaterThan(2 * (one.high - one.low));
  });

  it('weigh items as one run does', () => {
    const weights = items.map((_, i) => 1 + (i % 3));
    const { estimate } = bootstrapMean(items, { seed: 1, weights });
    expect(bootstrapRuns([items, items], { seed: 1, weights }).estimate).toBeCloseTo(estimate, 12);
  });

  it('must be over the same items', () => {
    expect(() => bootstrapRuns([items, [1]], { seed: 1 })).toThrow(expect.objectContaining({ code: 'NOT_PAIRED' }));
    expect(() => bootstrapRuns([], { seed: 1 })).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
  });

  it('come as clusters of unequal size too', () => {
    const clusters = Array.from({ length: 20 }, (_, i) => new Array<number>(1 + (i % 3)).fill(i % 2));
    const between = bootstrapClusters(clusters, { seed: 1 });
    const flat = bootstrapMean(clusters.flat(), { seed: 1 });
    expect(between.estimate).toBeCloseTo(flat.estimate, 12);
    expect(between.high - between.low).toBeGreaterThan(flat.high - flat.low);
    const within = bootstrapClusters(clusters, { seed: 1, within: true });
    expect(within.estimate).toBeCloseTo(flat.estimate, 12);
    expect(() => bootstrapClusters([], { seed: 1 })).toThrow(expect.objectContaining({ code: 'EMPTY_SET' }));
  });
});

describe('wilsonInterval', () => {
  it('has the textbook values', () => {
    expect(wilsonInterval(0, 10).high).toBeCloseTo(0.2775, 4);
    expect(wilsonInterval(81, 263)).toMatchObject({ low: expect.closeTo(0.2553, 4), high: expect.closeTo(0.3662, 4) });
    expect(wilsonInterval(10, 10).high).toBe(1);
  });

  it('holds the proportion', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const { estimate, low, high } = wilsonInterval(Math.round(share * n), n);
        expect(low).toBeLessThanOrEqual(estimate);
        expect(high).toBeGreaterThanOrEqual(estimate);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('refuses impossible counts', () => {
    for (const [k, n] of [
      [1, 0],
      [-1, 5],
      [6, 5],
      [0.5, 5],
    ] as const)
      expect(() => wilsonInterval(k, n)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('tests', () => {
  it('McNemar is a two-sided sign test', () => {
    expect(mcNemarExact(1, 9)).toBeCloseTo(22 / 1024, 12);
    expect(mcNemarExact(9, 1)).toBe(mcNemarExact(1, 9));
    expect(mcNemarExact(5, 5)).toBe(1);
    expect(mcNemarExact(0, 0)).toBe(1);
    expect(mcNemarExact(4000, 4400)).toBeCloseTo(0.0000133, 6);
    expect(() => mcNemarExact(-1, 2)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('Holm steps down', () => {
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
    expect(holm([])).toEqual([]);
    expect(() => holm([1.5])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (ps) => {
        const adjusted = holm(ps);
        adjusted.forEach((p, i) => {
          expect(p).toBeGreaterThanOrEqual(ps[i]!);
          expect(p).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it('Benjamini and Hochberg step up', () => {
    expect(benjaminiHochberg([0.01, 0.04, 0.03])).toEqual([0.03, 0.04, 0.04]);
    expect(benjaminiHochberg([])).toEqual([]);
    expect(() => benjaminiHochberg([-1])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (ps) => {
        const mild = benjaminiHochberg(ps);
        holm(ps).forEach((strict, i) => {
          expect(mild[i]).toBeGreaterThanOrEqual(ps[i]!);
          expect(mild[i]).toBeLessThanOrEqual(strict + 1e-15);
        });
      }),
    );
  });

  it('with several seeds, detectable differences know how few they are', () => {
    const of = (seeds: number, seedDeviation: number, itemCorrelation = 1): number =>
      minimumDetectableDifference({ n: 1000, standardDeviation: 0.5, seeds, seedDeviation, itemCorrelation });
    const one = minimumDetectableDifference({ n: 1000, standardDeviation: 0.5 });
    expect(of(5, 0)).toBeCloseTo(one, 3); // seeds that agree, items that leave the rest open
    expect(of(3, 0.01)).toBeCloseTo(0.0506, 4);
    expect(of(3, 0.03)).toBeGreaterThan(of(5, 0.03));
    expect(of(2, 0.03)).toBeGreaterThan(2 * of(3, 0.03)); // 12.7 standard errors against 4.3
    expect(of(100, 0.03)).toBeLessThan(of(10, 0.03));
    expect(of(10, 0, 0)).toBeLessThan(one / 2);
    for (const odd of [() => of(1.5, 0), () => of(2, -1), () => of(2, 0, 2), () => of(2, Number.NaN)])
      expect(odd).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('detectable differences shrink with the root of n', () => {
    const of = (n: number): number => minimumDetectableDifference({ n, standardDeviation: 0.5 });
    expect(of(1000)).toBeCloseTo(2.8016 * (0.5 / Math.sqrt(1000)), 4);
    expect(of(4000)).toBeCloseTo(of(1000) / 2, 12);
    expect(minimumDetectableDifference({ n: 1000, standardDeviation: 0.5, paired: false })).toBeCloseTo(
      of(1000) * Math.SQRT2,
      12,
    );
    expect(() => of(1)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
