import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { normal, shareOfSeeds, simulatedRuns } from '../testing/simulated-studies.ts';
import { bootstrapMean } from './bootstrap.ts';
import { bootstrapRuns, seedsAndItems } from './over-seeds.ts';
import { detectableOverSeeds } from './power.ts';

const coverage = (studies: number, holds: (study: number) => boolean): number =>
  Array.from({ length: studies }, (_, study) => holds(study)).filter(Boolean).length / studies;

describe('a mean over seeds and items', () => {
  const studies = 400;
  // 93 to 97 %, and three standard errors of what 400 studies say of it.
  const slack = 3 * Math.sqrt((0.95 * 0.05) / studies);

  it.each([
    [2, 0.03],
    [3, 0],
    [3, 0.02],
    [3, 0.1],
    [5, 0.03],
  ])(
    '%i seeds that scatter by %f: intervals of 95 in 100 hold the truth in 93 to 97 of 100 studies',
    (seeds, deviation) => {
      const random = createRandom(`${seeds}/${deviation}`);
      const ofSeeds = shareOfSeeds(0.4, deviation);
      const found = coverage(studies, (study) => {
        const runs = simulatedRuns(random, { seeds, items: 100, accuracy: 0.4, ofSeeds, ofItems: 0.5 });
        const { low, high } = bootstrapRuns(runs, { seed: study, resamples: 200 });
        return low <= 0.4 && high >= 0.4;
      });
      expect(found).toBeGreaterThan(0.93 - slack);
      expect(found).toBeLessThan(0.97 + slack);
    },
  );

  it('and finds the difference that it says it would, in four studies of five', () => {
    const random = createRandom('power');
    const [seeds, items, ofSeed, ofItem, rest] = [3, 60, 0.1, 0.5, 0.5];
    const variances = {
      seeds,
      seedVariance: (ofSeed ** 2 + rest ** 2 / items) / seeds,
      itemVariance: ofItem ** 2 / items,
    };
    const truth = detectableOverSeeds(variances);
    const found = coverage(studies, (study) => {
      const perItem = Array.from({ length: items }, () => ofItem * normal(random));
      const runs = Array.from({ length: seeds }, () => {
        const seed = truth + ofSeed * normal(random);
        return perItem.map((item) => seed + item + rest * normal(random));
      });
      return bootstrapRuns(runs, { seed: study, resamples: 200 }).low > 0;
    });
    expect(Math.abs(found - 0.8)).toBeLessThan(3 * Math.sqrt((0.8 * 0.2) / studies));
  });
});

const table = fc
  .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 4, max: 20 }), fc.integer())
  .map(([seeds, items, seed]) => {
    const random = createRandom(seed);
    return Array.from({ length: seeds }, () => Array.from({ length: items }, () => random.int(5) / 4));
  });

it('is that of the items with one run', () => {
  const { estimate, low, high } = bootstrapRuns([[0, 1, 1, 0.5]], { seed: 3, resamples: 500 });
  expect({ estimate, low, high }).toMatchObject(
    (({ estimate, low, high }) => ({ estimate, low, high }))(
      bootstrapMean([0, 1, 1, 0.5], { seed: 3, resamples: 500 }),
    ),
  );
});

it('does not depend on the order of the seeds, and moves and stretches with the scores', () => {
  fc.assert(
    fc.property(table, (runs) => {
      const of = (some: readonly number[][]): number[] => {
        const { estimate, low, high } = bootstrapRuns(some, { seed: 1, resamples: 100 });
        return [estimate, low, high];
      };
      const plain = of(runs);
      of([...runs].reverse()).forEach((value, i) => {
        expect(value).toBeCloseTo(plain[i]!, 9);
      });
      of(runs.map((run) => run.map((score) => 1 + 2 * score))).forEach((value, i) => {
        expect(value).toBeCloseTo(1 + 2 * plain[i]!, 9);
      });
    }),
    { numRuns: 30 },
  );
});

it('p is below a level where the interval of that level misses 0', () => {
  fc.assert(
    fc.property(table, fc.double({ min: -0.5, max: 0.5, noNaN: true }), (runs, shift) => {
      const found = seedsAndItems(
        runs.map((run) => run.map((score) => score - 0.5 + shift)),
        { seed: 1, resamples: 200 },
      );
      const p = found.p();
      for (const alpha of [0.02, 0.05, 0.2]) {
        const [low, high] = found.interval(1 - alpha);
        if (Math.abs(p - alpha) > 0.002 * alpha) expect(p < alpha).toBe(low > 0 || high < 0);
      }
    }),
    { numRuns: 60 },
  );
});

it('parts the variance: what seeds say differently about an item is no spread of the items', () => {
  // Means over seeds 1, ½, ½, 0: their spread, 1/24, is just what the seeds' disagreement about two of four items brings.
  const found = seedsAndItems(
    [
      [1, 0, 1, 0],
      [1, 1, 0, 0],
    ],
    { seed: 1 },
  );
  expect(found.itemVariance).toBeCloseTo(0, 12);
  expect(found.seedVariance).toBeCloseTo(1 / 24 / 12.706204736174694 ** 2, 12);
  // Seeds that agree about every item: all spread is the items'.
  const alike = seedsAndItems(
    [
      [1, 0, 1, 0],
      [1, 0, 1, 0],
    ],
    { seed: 1 },
  );
  expect(alike).toMatchObject({ seedVariance: 0, itemVariance: expect.closeTo(1 / 12, 12) });
});

it('weights count as repetitions of an item would', () => {
  const runs = [
    [1, 0, 0.5, 1],
    [1, 1, 0, 0.5],
  ];
  const weighted = seedsAndItems(runs, { seed: 1, weights: [2, 2, 2, 2] });
  const plain = seedsAndItems(runs, { seed: 1 });
  expect(weighted.seedVariance).toBeCloseTo(plain.seedVariance, 15);
  expect(weighted.itemVariance).toBeCloseTo(plain.itemVariance, 15);
  expect(weighted.interval(0.95)[0]).toBeCloseTo(plain.interval(0.95)[0], 12);
});

it('never says that seeds which agree by chance agree for sure', () => {
  const flip = (start: number): number[] => Array.from({ length: 40 }, (_, i) => (i + start) % 2);
  const { low, high } = bootstrapRuns([flip(0), flip(1)], { seed: 1 });
  expect(high - low).toBeGreaterThan(0.1);
});
