import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { normal, simulatedPair } from '../testing/simulated-studies.ts';
import { bootstrapClusters, bootstrapMean } from './bootstrap.ts';
import { type Arm, compare, type ScoredRow } from './compare.ts';
import type { Interval } from './interval.ts';
import { bootstrapRuns } from './over-seeds.ts';
import { wilsonInterval } from './wilson.ts';

const arm = (name: string, ...runs: number[][]): Arm => ({
  name,
  runs: runs.map((scores) => scores.map((score, i): ScoredRow => ({ id: `q${i}`, score }))),
});
const coins = (seed: string, n: number, p: number): number[] => {
  const { next } = createRandom(seed);
  return Array.from({ length: n }, () => (next() < p ? 1 : 0));
};

describe('compare', () => {
  const good = coins('good', 500, 0.8);
  const poor = coins('poor', 500, 0.5);

  it('tells a large difference, whichever way round', () => {
    const there = compare(arm('late', good), arm('early', poor), { seed: 1 });
    expect(there.verdict).toBe('A better');
    expect(there.difference.estimate).toBeCloseTo(there.a - there.b, 12);
    expect(there.p).toBeLessThan(0.001);
    expect(there.mcNemar).toBeLessThan(0.001);
    expect(there.sentence).toMatch(/^late better than early by 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]$/);
    const back = compare(arm('early', poor), arm('late', good), { seed: 1 });
    expect(back.verdict).toBe('B better');
    expect(back.difference.estimate).toBe(-there.difference.estimate);
    expect(back.sentence).toMatch(/^late better than early by 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]$/);
  });

  it('does not tell an arm from itself', () => {
    const own = compare(arm('a', good), arm('b', good), { seed: 1 });
    expect(own).toMatchObject({ verdict: 'cannot be told apart', p: 1, mcNemar: 1 });
    // Of 500 answers that are all the same, 1 − 0.025^(1/500) may still differ.
    expect(own.sentence).toBe('a and b cannot be told apart: difference 0.000 [-0.007, 0.007]');
    expect(own.minimumDetectableDifference).toBeCloseTo(0.0074, 4);
  });

  it('is not sure of few items because they are alike', () => {
    const wins = (n: number) => compare(arm('a', new Array(n).fill(1)), arm('b', new Array(n).fill(0)), { seed: 1 });
    expect(wins(3)).toMatchObject({ verdict: 'cannot be told apart', p: 0.25, mcNemar: expect.closeTo(0.25, 12) });
    expect(wins(3).difference).toMatchObject({ estimate: 1, high: 1 });
    expect(wins(6)).toMatchObject({ verdict: 'A better', p: 0.03125, mcNemar: expect.closeTo(0.03125, 12) });
    const two = compare(arm('a', [1, 1], [1, 1]), arm('b', [0, 0], [0, 0]), { seed: 1 });
    expect(two.verdict).toBe('cannot be told apart');
  });

  it('a verdict and its p say the same, however few the items, clusters and resamples', () => {
    const two = compare(arm('a', [0.5, 1]), arm('b', [0, 0]), { seed: 1 });
    expect(two).toMatchObject({ verdict: 'cannot be told apart', p: expect.closeTo(0.231, 3) });
    expect(two.difference.low).toBeLessThan(0);
    const random = createRandom('few');
    for (let study = 0; study < 300; study++) {
      const [items, clusters] = [2 + random.int(9), 2 + random.int(9)];
      const rows = (gain: number): ScoredRow[] =>
        Array.from({ length: items }, (_, i) => ({
          id: `${i}`,
          score: (gain + random.int(5)) / 8,
          ...(study % 2 ? { cluster: `${i % clusters}` } : {}),
        }));
      const runs = (gain: number): ScoredRow[][] => Array.from({ length: 1 + (study % 3) }, () => rows(gain));
      const [a, b] = [
        { name: 'a', runs: runs(random.int(5)) },
        { name: 'b', runs: runs(0) },
      ];
      const { verdict, p, difference } = compare(a, b, { seed: study, resamples: 100 });
      if (verdict !== 'cannot be told apart') {
        expect(p).toBeLessThan(0.05);
        expect(difference.low > 0 || difference.high < 0).toBe(true);
      }
    }
  });

  it('of few items needs what Student’s t needs', () => {
    const differences = [0.1, 0.5, 0.9];
    const { difference, minimumDetectableDifference } = compare(arm('a', differences), arm('b', [0, 0, 0]), {
      seed: 1,
    });
    const standardError = 0.4 / Math.sqrt(3);
    expect(difference.low).toBeCloseTo(0.5 - 4.302652729911275 * standardError, 9);
    expect(minimumDetectableDifference).toBeGreaterThan(4.3 * standardError);
  });

  it('takes questions about one picture together: equal arms differ no more often than promised', () => {
    // Whether an answer is right is a matter of the picture: 60 pictures with 20 questions each say as much as 60 questions.
    const studies = 60;
    const told = { together: 0, apart: 0 };
    for (let study = 0; study < studies; study++) {
      const { next } = createRandom(`clusters/${study}`);
      const [a, b]: [ScoredRow[], ScoredRow[]] = [[], []];
      for (let picture = 0; picture < 60; picture++) {
        const [right, rightOfB] = [next(), next()];
        for (let question = 0; question < 20; question++) {
          const place = { id: `${picture}/${question}`, cluster: `${picture}.jpg` };
          a.push({ ...place, score: next() < right ? 1 : 0 });
          b.push({ ...place, score: next() < rightOfB ? 1 : 0 });
        }
      }
      const without = (rows: ScoredRow[]): ScoredRow[] => rows.map(({ id, score }) => ({ id, score }));
      const options = { seed: study, resamples: 400 };
      const together = compare({ name: 'a', runs: [a] }, { name: 'b', runs: [b] }, options);
      const apart = compare({ name: 'a', runs: [without(a)] }, { name: 'b', runs: [without(b)] }, options);
      if (together.verdict !== 'cannot be told apart') told.together++;
      if (apart.verdict !== 'cannot be told apart') told.apart++;
      expect(together.difference.estimate).toBeCloseTo(apart.difference.estimate, 12);
      expect(together).not.toHaveProperty('mcNemar');
      expect(together.difference.n).toBe(1200);
    }
    expect(told.together).toBeLessThanOrEqual(7);
    expect(told.apart).toBeGreaterThan(12);
  });

  it('is the same to the last digit where every picture has one question', () => {
    const named = (scores: number[]): ScoredRow[] =>
      scores.map((score, i) => ({ id: `q${i}`, score, cluster: `${i}` }));
    const [late, early] = [named(good), named(poor)];
    const of = (a: Arm, b: Arm) => compare(a, b, { seed: 1, resamples: 400 });
    expect(of({ name: 'late', runs: [late] }, { name: 'early', runs: [early] })).toEqual(
      of(arm('late', good), arm('early', poor)),
    );
  });

  it('is not sure of few pictures because all their questions are alike', () => {
    const rows = (score: number): ScoredRow[] =>
      Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, score, cluster: `${i % 3}` }));
    const result = compare({ name: 'a', runs: [rows(1)] }, { name: 'b', runs: [rows(0)] }, { seed: 1 });
    expect(result).toMatchObject({ verdict: 'cannot be told apart', p: 0.25 });
  });

  it('turns round where less is better, and weights documents by their bytes', () => {
    const rows = (scores: number[]): ScoredRow[] => scores.map((score, i) => ({ id: `d${i}`, score, weight: 1 + i }));
    const a = { name: 'a', runs: [rows([1, 2, 3, 4])] };
    const b = { name: 'b', runs: [rows([1.5, 2.5, 3.5, 4.6])] };
    const result = compare(a, b, { seed: 1, better: 'lower' });
    expect(result.verdict).toBe('A better');
    expect(result.a).toBe(3);
    expect(result).not.toHaveProperty('mcNemar');
    expect(() => compare(a, b, { seed: 1, better: 'Higher' as never })).toThrow(/"higher" or "lower", got "Higher"/);
  });

  it('tells nothing by documents that all differ alike, of which any other may differ otherwise', () => {
    for (const scores of [
      [[2]],
      [[2, 3]],
      [
        [2, 3],
        [2, 3],
      ],
    ]) {
      const of = (by: number) => arm(`${by}`, ...scores.map((run) => run.map((score) => score + by)));
      const result = compare(of(0), of(0.5), { seed: 1, better: 'lower' });
      expect(result).toMatchObject({ verdict: 'cannot be told apart', p: 1 });
      expect([result.difference.low, result.difference.high]).toEqual([-Infinity, Infinity]);
      expect(compare(of(0), of(0), { seed: 1 })).toMatchObject({ verdict: 'cannot be told apart', p: 1 });
    }
  });

  it('is the same whichever arm comes first, and knows what any run says of the items', () => {
    const rows = (scores: number[], more: (i: number) => Partial<ScoredRow>): ScoredRow[] =>
      scores.map((score, i) => ({ id: `q${i}`, score, ...more(i) }));
    const plain = { name: 'plain', runs: [rows(good, () => ({}))] };
    const clustered = { name: 'clustered', runs: [rows(poor, (i) => ({ cluster: `${i % 25}`, weight: 1 + (i % 3) }))] };
    const [there, back] = [compare(plain, clustered, { seed: 1 }), compare(clustered, plain, { seed: 1 })];
    expect(back.difference.estimate).toBe(-there.difference.estimate);
    expect(back.difference.low).toBeCloseTo(-there.difference.high, 2);
    expect([there, back].map((each) => 'mcNemar' in each)).toEqual([false, false]);
    for (const other of [{ cluster: 'another' }, { weight: 9 }]) {
      const wrong = { name: 'wrong', runs: [rows(good, () => other)] };
      expect(() => compare(clustered, wrong, { seed: 1 })).toThrow(
        expect.objectContaining({
          code: 'NOT_PAIRED',
          message: expect.stringMatching(/"q0" has the (weight|cluster)/),
        }),
      );
    }
  });

  it('knows how large a difference would have been found', () => {
    const { minimumDetectableDifference: plain } = compare(arm('late', good), arm('early', poor), { seed: 1 });
    const differences = good.map((score, i) => score - poor[i]!);
    const centre = differences.reduce((a, b) => a + b, 0) / 500;
    const deviation = Math.sqrt(differences.reduce((sum, d) => sum + (d - centre) ** 2, 0) / 499);
    expect(plain).toBeCloseTo(2.8016 * (deviation / Math.sqrt(500)), 5);
    const weighted = (scores: number[]): Arm => ({
      name: 'w',
      runs: [scores.map((score, i) => ({ id: `q${i}`, score, weight: 3 }))],
    });
    expect(compare(weighted(good), weighted(poor), { seed: 1 }).minimumDetectableDifference).toBeCloseTo(plain, 12);
  });

  it('pairs by id, not by place', () => {
    const a = arm('a', good);
    const b = { name: 'b', runs: [[...arm('b', poor).runs[0]!].reverse()] };
    expect(compare(a, b, { seed: 1 })).toEqual(compare(a, arm('b', poor), { seed: 1 }));
  });

  it('with several seeds asks whether the seeds agree', () => {
    const better = [0, 1, 2].map((s) => coins(`a${s}`, 300, 0.75));
    const worse = [0, 1, 2].map((s) => coins(`b${s}`, 300, 0.5));
    expect(compare(arm('a', ...better), arm('b', ...worse), { seed: 1 }).verdict).toBe('A better');
    const ones = new Array<number>(300).fill(1);
    const zeros = new Array<number>(300).fill(0);
    const mixed = compare(arm('a', ones, ones, zeros), arm('b', zeros, zeros, ones), { seed: 1 });
    expect(mixed.verdict).toBe('cannot be told apart');
  });

  it('refuses arms that did not answer the same items', () => {
    const short = arm('short', good.slice(1));
    const other = { name: 'other', runs: [good.map((score, i) => ({ id: `x${i}`, score }))] };
    const twice = { name: 'twice', runs: [good.map((score) => ({ id: 'q0', score }))] };
    for (const odd of [short, other, arm('two', good, good), arm('none')])
      expect(() => compare(arm('a', good), odd, { seed: 1 })).toThrow(expect.objectContaining({ code: 'NOT_PAIRED' }));
    expect(() => compare(arm('a', good), twice, { seed: 1 })).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_ID' }),
    );
  });
});

describe('calibration by simulation', () => {
  it.each([2, 3, 4, 5, 6, 7])('intervals of %i items or clusters hold the truth in 19 of 20 studies', (count) => {
    const random = createRandom(`few/${count}`);
    const total = 1000;
    const held = { items: 0, clusters: 0, seeds: 0 };
    for (let study = 0; study < total; study++) {
      const values = Array.from({ length: count }, () => normal(random));
      const options = { seed: study, resamples: 100 };
      const holds = ({ low, high }: Interval): number => (low <= 0 && high >= 0 ? 1 : 0);
      held.items += holds(bootstrapMean(values, options));
      held.clusters += holds(
        bootstrapClusters(
          values.map((value) => [value, value, value]),
          options,
        ),
      );
      held.seeds += holds(bootstrapRuns([values, values, values], options));
    }
    // Four standard errors of a count.
    for (const one of Object.values(held)) expect(one).toBeGreaterThan(950 - 28);
  });

  const studies = 400;
  const n = 80;
  // 95 % of 400 studies, give or take four standard errors of a count (4 · √(400 · .05 · .95) = 17).
  const [least, most] = [380 - 22, 380 + 17];

  it('intervals of a mean hold the truth in 19 of 20 studies', () => {
    let bootstrap = 0;
    let wilson = 0;
    for (let study = 0; study < studies; study++) {
      const scores = coins(`study${study}`, n, 0.3);
      const interval = bootstrapMean(scores, { seed: study, resamples: 1000 });
      if (interval.low <= 0.3 && interval.high >= 0.3) bootstrap++;
      const score = wilsonInterval(
        scores.reduce((a, b) => a + b, 0),
        n,
      );
      if (score.low <= 0.3 && score.high >= 0.3) wilson++;
    }
    for (const count of [bootstrap, wilson]) {
      expect(count).toBeGreaterThanOrEqual(least);
      expect(count).toBeLessThanOrEqual(most);
    }
  });

  it('arms of equal strength are told apart in one study of twenty, unequal ones as often as the power says', () => {
    let told = 0;
    let found = 0;
    for (let study = 0; study < studies; study++) {
      const options = { seed: study, resamples: 1000 };
      const a = coins(`a${study}`, n, 0.5);
      const b = coins(`b${study}`, n, 0.5);
      // The smallest detectable difference for independent halves: 2.8 · √(.5 / n) ≈ .22.
      const c = coins(`c${study}`, n, 0.5 + 2.8 * Math.sqrt(0.475 / n));
      if (compare(arm('a', a), arm('b', b), options).verdict !== 'cannot be told apart') told++;
      if (compare(arm('c', c), arm('b', b), options).verdict === 'A better') found++;
    }
    expect(told).toBeLessThanOrEqual(studies - least);
    expect(told).toBeGreaterThanOrEqual(studies - most);
    expect(Math.abs(found / studies - 0.8)).toBeLessThan(0.08);
  });

  it('with three seeds, equal arms are told apart in one study of twenty, whatever the seeds do', () => {
    for (const ofSeeds of [0, 0.05]) {
      const random = createRandom(`pairs/${ofSeeds}`);
      let told = 0;
      for (let study = 0; study < 200; study++) {
        const shape = { seeds: 3, items: 40, accuracy: 0.5, ofSeeds, ofItems: 0.4, gain: 0, shared: 0.8 };
        const { a, b } = simulatedPair(random, shape);
        const result = compare(arm('a', ...a), arm('b', ...b), { seed: study, resamples: 200 });
        if (result.verdict !== 'cannot be told apart') told++;
      }
      // 3 to 7 %, and three standard errors of a count of 200.
      expect(told).toBeLessThanOrEqual(14 + 9);
      expect(told).toBeGreaterThanOrEqual(1);
    }
  }, 120_000);
});
