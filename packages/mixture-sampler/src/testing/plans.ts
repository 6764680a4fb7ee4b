import fc from 'fast-check';
import {
  fromArray,
  type MixturePolicy,
  type MixtureSource,
  type ResumableIterator,
  type ScheduleKnot,
  type SourceLimits,
  type WhenExhausted,
} from '../index.ts';

/** Sources for tests, `s0`, `s1`, …: what they cost and how they end. */
export type Plan = {
  weight?: number | undefined;
  costs: number[];
  whenExhausted: WhenExhausted;
  limits?: SourceLimits | undefined;
  whenLimited?: 'stop' | 'renormalise' | undefined;
}[];
export type WeightedPlan = (Plan[number] & { weight: number })[];
export type Numbered = { id: number; cost: number };

export function sourcesOf(plan: Plan): MixtureSource<Numbered>[] {
  return plan.map(({ costs, ...rest }, s) => ({
    ...rest,
    name: `s${s}`,
    open: (state) =>
      fromArray(
        costs.map((cost, id) => ({ id, cost })),
        state,
      ),
    cost: ({ cost }) => cost,
  }));
}

export async function take<T>(iterator: ResumableIterator<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  while (items.length < count) {
    const result = await iterator.next();
    if (result.done) break;
    items.push(result.value);
  }
  return items;
}

const seed = fc.maxSafeInteger();
export const anyPolicy: fc.Arbitrary<MixturePolicy> = fc.oneof(
  fc.constant('exact' as const),
  fc.record({ kind: fc.constant('random' as const), seed }),
  fc.record({ kind: fc.constant('per-batch' as const), seed, items: fc.integer({ min: 1, max: 5 }) }),
);

export const anyEnd: fc.Arbitrary<WhenExhausted> = fc.constantFrom('stop', 'repeat', 'renormalise');

export function anyPlan(whenExhausted: fc.Arbitrary<WhenExhausted>): fc.Arbitrary<WeightedPlan> {
  return fc.array(
    fc.record({
      weight: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 1e-3, max: 1e3, noNaN: true })),
      costs: fc.array(fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(1)), { minLength: 1, maxLength: 12 }),
      whenExhausted,
    }),
    { minLength: 1, maxLength: 7 },
  );
}

/** A plan, perhaps with limits, perhaps with a schedule in place of the weights. */
export function anyScheduledPlan(
  whenExhausted: fc.Arbitrary<WhenExhausted>,
  limited = false,
): fc.Arbitrary<{ plan: Plan; schedule: ScheduleKnot[] | undefined }> {
  return anyPlan(whenExhausted).chain((plan) =>
    fc
      .record({
        plan: limited ? fc.tuple(...plan.map(anyLimits)) : fc.constant(plan),
        schedule: anySchedule(plan.length),
      })
      .map(({ plan: sources, schedule }) => ({
        plan: sources.map((source) => ({ ...source, weight: undefined })),
        schedule,
      })),
  );
}

export function anyLimits(source: Plan[number]): fc.Arbitrary<Plan[number]> {
  const limits = fc.record(
    {
      ...(source.whenExhausted === 'repeat' && { epochs: fc.integer({ min: 1, max: 3 }) }),
      items: fc.integer({ min: 1, max: 30 }),
      cost: fc.integer({ min: 2000, max: 20_000 }),
    },
    { requiredKeys: [] },
  );
  return fc.oneof(
    fc.constant(source),
    fc.record({ limits, whenLimited: fc.constantFrom('stop', 'renormalise') }).map((more) => ({ ...source, ...more })),
  );
}

function anySchedule(sources: number): fc.Arbitrary<ScheduleKnot[]> {
  const weights = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 10, noNaN: true })), {
    minLength: sources,
    maxLength: sources,
  });
  const knot = fc.record({
    after: fc.integer({ min: 1, max: 30_000 }),
    weights: weights.filter((all) => all.some((weight) => weight > 0)),
    ramp: fc.constantFrom('step' as const, 'linear' as const, 'cosine' as const),
  });
  return fc
    .array(knot, { minLength: 1, maxLength: 4 })
    .filter((knots) => Array.from({ length: sources }, (_, i) => knots.some((k) => k.weights[i]! > 0)).every(Boolean))
    .map((knots) => {
      let at = 0;
      return knots.map(({ after, weights: list, ramp }, k): ScheduleKnot => {
        if (k > 0) at += after;
        return { at, weights: Object.fromEntries(list.map((w, i) => [`s${i}`, w])), ...(k > 0 && { ramp }) };
      });
    });
}
