import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CosineSchedule, learningRate, type Schedule } from './schedule.ts';

const main: CosineSchedule = { kind: 'cosine', lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 100, totalSteps: 1000 };

describe('cosine', () => {
  it('warms up linearly, turns at the peak and ends at the minimum', () => {
    expect(learningRate(main, 0)).toBeCloseTo(3e-5, 15);
    expect(learningRate(main, 49)).toBeCloseTo(1.5e-3, 15);
    expect(learningRate(main, 99)).toBe(3e-3);
    expect(learningRate(main, 100)).toBe(3e-3);
    expect(learningRate(main, 550)).toBeCloseTo(1.515e-3, 15);
    expect(learningRate(main, 1000)).toBe(3e-5);
  });

  it('stays at the minimum after its end', () => {
    expect(learningRate(main, 5000)).toBe(3e-5);
  });
});

describe('continued', () => {
  it('starts at the main rate for every branch point and never rises', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1000 }), fc.integer({ min: 1, max: 300 }), (atStep, totalSteps) => {
        const branch: Schedule = { kind: 'continued', from: main, atStep, lrMin: 3e-5, totalSteps };
        expect(learningRate(branch, 0)).toBe(learningRate(main, atStep));
        let before = Number.POSITIVE_INFINITY;
        for (let step = 0; step <= totalSteps; step++) {
          const lr = learningRate(branch, step);
          expect(lr).toBeLessThanOrEqual(before);
          before = lr;
        }
        expect(before).toBe(3e-5);
      }),
      { numRuns: 30 },
    );
  });

  it('continues a branch of a branch', () => {
    const first: Schedule = { kind: 'continued', from: main, atStep: 400, lrMin: 3e-5, totalSteps: 100 };
    const second: Schedule = { kind: 'continued', from: first, atStep: 50, lrMin: 0, totalSteps: 10 };
    expect(learningRate(second, 0)).toBe(learningRate(first, 50));
  });
});

describe('warm-up, stable, decay', () => {
  const schedule: Schedule = {
    kind: 'warmup-stable-decay',
    lrPeak: 1,
    lrMin: 0.1,
    warmupSteps: 10,
    decaySteps: 20,
    totalSteps: 100,
  };
  it('holds the peak until the decay and ends at the minimum', () => {
    expect(learningRate(schedule, 4)).toBe(0.5);
    expect(learningRate(schedule, 80)).toBe(1);
    expect(learningRate(schedule, 90)).toBeCloseTo(0.55, 12);
    expect(learningRate(schedule, 100)).toBeCloseTo(0.1, 12);
    expect(learningRate(schedule, 101)).toBeCloseTo(0.1, 12);
  });
});

describe('cooldown from any checkpoint', () => {
  const constant: Schedule = { kind: 'constant', lrPeak: 1, warmupSteps: 10 };
  const wsd: Schedule = { ...constant, kind: 'warmup-stable-decay', lrMin: 0, decaySteps: 20, totalSteps: 100 };
  const cooled = (from: Schedule, atStep: number): Schedule => ({
    kind: 'continued',
    from,
    atStep,
    lrMin: 0,
    totalSteps: 20,
    decayPower: 1,
  });

  it('of a constant run goes through the rates of the run that was planned to end there', () => {
    for (const ahead of [0, 1, 7, 19, 20, 25]) {
      expect(learningRate(cooled(constant, 80), ahead)).toBeCloseTo(learningRate(wsd, 80 + ahead), 14);
      expect(learningRate(cooled(constant, 10_000), ahead)).toBe(learningRate(cooled(constant, 80), ahead));
    }
  });

  it('starts at the rate of any origin: in the warm-up, the decay, or a branch of a branch', () => {
    expect(learningRate(cooled(constant, 4), 0)).toBe(0.5);
    expect(learningRate(cooled(wsd, 90), 0)).toBe(learningRate(wsd, 90));
    const branch: Schedule = { kind: 'continued', from: main, atStep: 5, lrMin: 0, totalSteps: 30 };
    expect(learningRate(cooled(branch, 12), 0)).toBe(learningRate(branch, 12));
    expect(learningRate({ ...cooled(branch, 12), decayPower: 2 } as Schedule, 10)).toBeCloseTo(
      learningRate(branch, 12) / 4,
      14,
    );
  });

  it('a constant part before it: warm-up, stable, decay with the origin as its peak', () => {
    const peak = learningRate(constant, 500);
    const plan: Schedule = { ...(wsd as object), lrPeak: peak, warmupSteps: 0 } as Schedule;
    expect([0, 79, 80, 100].map((step) => learningRate(plan, step))).toEqual([1, 1, 1, 0]);
  });
});

describe('what makes no sense is refused', () => {
  it.each([
    [{ ...main, lrPeak: Number.NaN }, /lrPeak to be a finite number of at least 0, got NaN/],
    [{ ...main, warmupSteps: 1.5 }, /warmupSteps to be an integer of at least 0, got 1.5/],
    [{ ...main, totalSteps: undefined }, /totalSteps .* got undefined/],
    [{ ...main, kind: 'cosin' }, /kind to be one of constant, cosine, .* got "cosin"/],
    [{ ...main, kind: 'constructor' }, /kind to be one of .* got "constructor"/],
    [undefined, /kind to be one of .* got undefined/],
    [{ kind: 'continued', atStep: 1, lrMin: 0, totalSteps: 1 }, /kind to be one of .* got undefined/],
    [{ kind: 'continued', from: { ...main, lrMin: -1 }, atStep: 1, lrMin: 0, totalSteps: 1 }, /lrMin .* got -1/],
    [
      { kind: 'warmup-stable-decay', lrPeak: 1, lrMin: 0, warmupSteps: 0, decaySteps: 9, totalSteps: 8 },
      /decaySteps to be at most totalSteps \(8\), got 9/,
    ],
  ])('%j', (schedule, message) => {
    expect(() => learningRate(schedule as Schedule, 0)).toThrow(message);
  });

  it('a step that is not a count', () => {
    expect(() => learningRate(main, -1)).toThrow(/integer of at least 0, got -1/);
  });
});
