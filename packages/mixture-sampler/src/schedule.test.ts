import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixture, type ScheduleKnot } from './index.ts';
import { shareCurve } from './schedule.ts';
import { anyScheduledPlan, sourcesOf, take } from './testing/plans.ts';

const any = anyScheduledPlan(fc.constant('repeat'));

describe('the curve of shares', () => {
  it('has shares that sum to 1, deliveries that are their integral and sum to the total, and due dates that invert them', () => {
    fc.assert(
      fc.property(any, fc.double({ min: 0, max: 1.3, noNaN: true }), ({ plan, schedule }, where) => {
        const names = plan.map((_, i) => `s${i}`);
        const curve = shareCurve(schedule!, names);
        const end = schedule!.at(-1)!.at + 1000;
        const total = where * end;
        const all = (of: (i: number) => number) => names.reduce((sum, _, i) => sum + of(i), 0);
        expect(all((i) => curve.share(i, total))).toBeCloseTo(1, 9);
        expect(Math.abs(all((i) => curve.delivery(i, total)) - total)).toBeLessThan(1e-9 * end);
        for (const [i] of names.entries()) {
          const amount = curve.delivery(i, total);
          const due = curve.due(i, amount);
          expect(due).toBeLessThanOrEqual(total * (1 + 1e-6) + 1e-3);
          expect(Math.abs(curve.delivery(i, due) - amount)).toBeLessThan(1e-7 * end);
        }
      }),
    );
  });

  it('is due at once for an amount whose square is nothing, where a share begins at 0', () => {
    const ramp = [
      { at: 0, weights: { a: 1, b: 0 } },
      { at: 1000, weights: { a: 0, b: 1 }, ramp: 'linear' as const },
    ];
    expect(shareCurve(ramp, ['a', 'b']).due(1, 1e-322)).toBe(0);
  });

  it.each(['step', 'linear', 'cosine'] as const)('integrates a %s ramp as small steps do', (ramp) => {
    const knots: ScheduleKnot[] = [
      { at: 0, weights: { a: 3, b: 1 } },
      { at: 100, weights: { a: 3, b: 1 } },
      { at: 300, weights: { a: 0, b: 5 }, ramp },
    ];
    const curve = shareCurve(knots, ['a', 'b']);
    let sum = 0;
    const step = 1 / 64;
    for (let t = 0; t < 400; t += step) {
      expect(Math.abs(curve.delivery(0, t) - sum)).toBeLessThan(1e-3);
      sum += curve.share(0, t + step / 2) * step;
    }
    expect(curve.share(0, 200)).toBeCloseTo(ramp === 'step' ? 0.75 : 0.375, 12);
    expect(curve.share(0, 300)).toBe(0);
    expect(curve.due(0, sum + 1)).toBe(Number.POSITIVE_INFINITY);
  });

  it('leaves a stretch in which no remaining source has a weight to those of the next one', () => {
    const knots: ScheduleKnot[] = [
      { at: 0, weights: { a: 1, b: 0, c: 0 } },
      { at: 10, weights: { a: 1, b: 1, c: 3 } },
      { at: 20, weights: { a: 1, b: 0, c: 0 } },
    ];
    const curve = shareCurve(knots, ['b', 'c']);
    expect([0, 10, 20].map((at) => curve.share(1, at))).toEqual([0.75, 0.75, 0.75]);
  });
});

describe('the law of exact shares that change', () => {
  it('keeps every source within the largest item after every item, for any schedule and costs', async () => {
    await fc.assert(
      fc.asyncProperty(any, async ({ plan, schedule }) => {
        const names = plan.map((_, i) => `s${i}`);
        const curve = shareCurve(schedule!, names);
        const largest = plan.map(({ costs }) => Math.max(...costs));
        const delivered = plan.map(() => 0);
        let total = 0;
        const rounding = 1e-6;
        for (const { source, cost } of await take(createMixture({ sources: sourcesOf(plan), schedule }), 150)) {
          delivered[Number(source.slice(1))]! += cost;
          total += cost;
          for (const i of names.keys()) {
            const behind = curve.delivery(i, total) - delivered[i]!;
            const others = Math.max(0, ...largest.filter((_, j) => j !== i));
            expect(behind).toBeGreaterThanOrEqual(-largest[i]! - rounding);
            expect(behind).toBeLessThanOrEqual(Math.max(largest[i]!, others) + rounding);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is what report() says, and what the remaining ones keep when sources end', async () => {
    await fc.assert(
      fc.asyncProperty(anyScheduledPlan(fc.constant('renormalise')), async ({ plan, schedule }) => {
        const mixture = createMixture({ sources: sourcesOf(plan), schedule });
        const largest = Math.max(...plan.flatMap(({ costs }) => costs));
        let ahead = 0;
        let ended = 0;
        for (;;) {
          const before = mixture.report();
          const { done } = await mixture.next();
          const { sources, total, stoppedBy } = mixture.report();
          const active = sources.filter((source) => source.ended === null);
          expect(stoppedBy).toBeNull();
          if (done) break;
          const targets = active.reduce((sum, { target }) => sum + target, 0);
          const delivered = active.reduce((sum, source) => sum + source.delivered, 0);
          expect(Math.abs(targets - delivered)).toBeLessThan(1e-6);
          if (sources.length - active.length > ended) {
            ended = sources.length - active.length;
            const now = before.sources.filter(({ name }) => active.some((one) => one.name === name));
            ahead = now.reduce((sum, { behind }) => sum + Math.max(0, -behind), 0) + largest; // an ended source's difference is divided
          }
          for (const { behind } of active)
            expect(Math.abs(behind)).toBeLessThanOrEqual(Math.max(ahead, largest) + 1e-6);
          expect(total).toBe(sources.reduce((sum, source) => sum + source.delivered, 0));
        }
        expect(mixture.report().sources.map(({ items }) => items)).toEqual(plan.map(({ costs }) => costs.length));
      }),
      { numRuns: 100 },
    );
  });

  it('brings in a source where its share begins, not before', async () => {
    let opened = 0;
    const [text, captions] = sourcesOf([
      { costs: [10], whenExhausted: 'repeat' },
      { costs: [1], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({
      sources: [
        text!,
        {
          ...captions!,
          open: (state, pass) => {
            opened++;
            return captions!.open(state, pass);
          },
        },
      ],
      schedule: [
        { at: 0, weights: { s0: 1, s1: 0 } },
        { at: 1000, weights: { s0: 1, s1: 0 } },
        { at: 2000, weights: { s0: 1, s1: 1 }, ramp: 'linear' },
      ],
    });
    await take(mixture, 100);
    expect([opened, mixture.report().sources[1]!.delivered]).toEqual([0, 0]);
    while (mixture.report().total < 2000) await mixture.next();
    expect(mixture.report().sources[1]!.delivered).toBeGreaterThan(240); // ∫ = 250
    expect(mixture.report().sources[1]!.delivered).toBeLessThan(260);
  });

  it.each([
    ['random', { kind: 'random', seed: 3 }],
    ['per-batch', { kind: 'per-batch', seed: 3, items: 2 }],
  ] as const)('%s choice follows the schedule, too', async (_, policy) => {
    const sources = sourcesOf([1, 1].map((cost) => ({ costs: [cost], whenExhausted: 'repeat' })));
    const schedule: ScheduleKnot[] = [
      { at: 0, weights: { s0: 1, s1: 0 } },
      { at: 4000, weights: { s0: 1, s1: 0 } },
      { at: 4000.5, weights: { s0: 1, s1: 3 } },
    ];
    const items = await take(createMixture({ sources, schedule, policy }), 12_000);
    const share = (from: number, to: number) =>
      items.slice(from, to).filter(({ source }) => source === 's1').length / (to - from);
    expect(share(0, 4000)).toBe(0);
    expect(Math.abs(share(4002, 12_000) - 0.75)).toBeLessThan(0.03);
  });
});
