import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixture, fromArray, type MixtureItem, type MixtureOptions, type MixtureState } from './index.ts';
import {
  anyEnd,
  anyLimits,
  anyPlan,
  anyPolicy,
  anyScheduledPlan,
  type Numbered,
  type Plan,
  sourcesOf,
  take,
} from './testing/plans.ts';

describe('the law of exact shares', () => {
  it('keeps every source within its bound after every item, for any weights and costs', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan(fc.constant('repeat')), async (plan) => {
        const mixture = createMixture({ sources: sourcesOf(plan) });
        const weights = plan.reduce((sum, { weight }) => sum + weight, 0);
        const largest = plan.map(({ costs }) => Math.max(...costs));
        const delivered = plan.map(() => 0);
        let total = 0;
        for (const { source, cost } of await take(mixture, 150)) {
          delivered[Number(source.slice(1))]! += cost;
          total += cost;
          for (const [i, { weight }] of plan.entries()) {
            const p = weight / weights;
            const others = Math.max(0, ...largest.filter((_, j) => j !== i));
            const behind = p * total - delivered[i]!;
            const rounding = 1e-9 * total;
            expect(behind).toBeGreaterThanOrEqual(-(1 - p) * largest[i]! - rounding);
            expect(behind).toBeLessThanOrEqual((1 - p) * largest[i]! + p * others + rounding);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('keeps the remaining ones within theirs when sources end', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan(fc.constant('renormalise')), async (plan) => {
        const mixture = createMixture({ sources: sourcesOf(plan) });
        let { delivered, ended } = mixture.state();
        let ahead = 0;
        for (;;) {
          const before = delivered;
          const { done } = await mixture.next();
          if (done) return;
          const state = mixture.state();
          delivered = state.delivered;
          const active = plan.flatMap(({ weight, costs }, i) =>
            state.ended.includes(`s${i}`) ? [] : [{ name: `s${i}`, weight, largest: Math.max(...costs) }],
          );
          const weights = active.reduce((sum, { weight }) => sum + weight, 0);
          const totalOf = (record: Record<string, number>) => active.reduce((sum, { name }) => sum + record[name]!, 0);
          if (state.ended.length > ended.length) {
            const total = totalOf(before);
            ahead = active.reduce(
              (sum, { name, weight }) => sum + Math.max(0, before[name]! - (weight / weights) * total),
              0,
            );
          }
          ended = state.ended;
          const total = totalOf(delivered);
          for (const { name, weight, largest } of active) {
            const p = weight / weights;
            const others = Math.max(0, ...active.filter((other) => other.name !== name).map((other) => other.largest));
            const behind = p * total - delivered[name]!;
            expect(behind).toBeGreaterThanOrEqual(-Math.max(ahead, (1 - p) * largest) - 1e-9 * total);
            expect(behind).toBeLessThanOrEqual((1 - p) * largest + p * Math.max(ahead, others) + 1e-9 * total);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('serves every window of unit costs that holds whole shares exactly', async () => {
    const sources = sourcesOf([5, 3, 2].map((weight) => ({ weight, costs: [1], whenExhausted: 'repeat' })));
    const names = (await take(createMixture({ sources }), 30)).map(({ source }) => source);
    for (const start of [0, 10, 20]) {
      const window = names.slice(start, start + 10);
      expect(['s0', 's1', 's2'].map((name) => window.filter((n) => n === name).length)).toEqual([5, 3, 2]);
    }
  });

  it('gives a source of 1 % one item in a hundred, not a burst', async () => {
    const sources = sourcesOf([99, 1].map((weight) => ({ weight, costs: [1], whenExhausted: 'repeat' })));
    const at = (await take(createMixture({ sources }), 1000)).flatMap(({ source }, i) => (source === 's1' ? [i] : []));
    expect(at).toHaveLength(10);
    for (let i = 1; i < at.length; i++) expect(at[i]! - at[i - 1]!).toBe(100);
  });

  it('counts the cost, not the items', async () => {
    const sources = sourcesOf([
      { weight: 1, costs: [1000], whenExhausted: 'repeat' },
      { weight: 1, costs: [10], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({ sources });
    await take(mixture, 1010);
    expect(mixture.state().delivered).toEqual({ s0: 10_000, s1: 10_000 });
  });

  it('does not depend on the scale of the weights', async () => {
    const order = async (scale: number): Promise<string[]> => {
      const plan: Plan = [3, 5, 7].map((weight) => ({
        weight: weight * scale,
        costs: [3, 1, 4, 1, 5],
        whenExhausted: 'repeat',
      }));
      return (await take(createMixture({ sources: sourcesOf(plan) }), 200)).map(({ source }) => source);
    };
    expect(await order(2 ** -20)).toEqual(await order(1));
  });
});

describe('conservation', () => {
  it('delivers each source in its own order and counts every cost, for any sources and policy', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan(anyEnd), anyPolicy, async (plan, policy) => {
        const mixture = createMixture({ sources: sourcesOf(plan), policy });
        const items = await take(mixture, 100);
        const state = mixture.state();
        for (const [s, { costs }] of plan.entries()) {
          const own = items.filter(({ source }) => source === `s${s}`);
          expect(own.map(({ item }) => item.id)).toEqual(own.map((_, n) => n % costs.length));
          expect(state.delivered[`s${s}`]).toBe(own.reduce((sum, { cost }) => sum + cost, 0));
          expect(state.items[`s${s}`]).toBe(own.length);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('resume', () => {
  it('is the same as no interruption, at any point, for any sources, weights, schedule, limits and policy', async () => {
    const constant = anyPlan(anyEnd).chain((plan) =>
      fc.tuple(...plan.map(anyLimits)).map((sources): { plan: Plan; schedule: undefined } => ({
        plan: sources,
        schedule: undefined,
      })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(constant, anyScheduledPlan(anyEnd, true)),
        anyPolicy,
        fc.array(fc.nat(30), { maxLength: 4 }),
        async ({ plan, schedule }, policy, cuts) => {
          const options: MixtureOptions<Numbered> = { sources: sourcesOf(plan), schedule, policy };
          const uninterrupted = createMixture(options);
          const expected = await take(uninterrupted, 120);
          let state: MixtureState | undefined;
          const resumed: MixtureItem<Numbered>[] = [];
          for (const cut of [...cuts, 120]) {
            const mixture = createMixture({ ...options, state });
            resumed.push(...(await take(mixture, Math.min(cut, 120 - resumed.length))));
            state = JSON.parse(JSON.stringify(mixture.state()));
          }
          expect(resumed).toEqual(expected);
          expect(state).toEqual(JSON.parse(JSON.stringify(uninterrupted.state())));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('works for sources called as what every object has', async () => {
    const [one, other] = sourcesOf([1, 2].map((weight) => ({ weight, costs: [1, 1], whenExhausted: 'repeat' })));
    const sources = [
      { ...one!, name: 'toString' },
      { ...other!, name: '__proto__' },
    ];
    const mixture = createMixture({ sources, state: JSON.parse(JSON.stringify(createMixture({ sources }).state())) });
    await take(mixture, 30);
    expect(mixture.report().sources.map(({ items }) => items)).toEqual([10, 20]);
    const again = createMixture({ sources, state: JSON.parse(JSON.stringify(mixture.state())) });
    expect(await again.next()).toEqual(await mixture.next());
  });

  it('gives back an item that was read ahead', async () => {
    const sources = sourcesOf([
      { weight: 1, costs: [5, 6], whenExhausted: 'stop' },
      { weight: 1, costs: [7, 8], whenExhausted: 'stop' },
    ]);
    const mixture = createMixture({ sources });
    await mixture.next(); // both were looked at, one was delivered
    expect(mixture.state()).toMatchObject({
      delivered: { s0: 5, s1: 0 },
      sources: { s0: { index: 1 }, s1: { index: 0 } },
    });
  });

  it('has a state while a step is under way and after return()', async () => {
    const sources = sourcesOf([{ weight: 1, costs: [5, 6, 7], whenExhausted: 'stop' }]);
    const mixture = createMixture({ sources });
    await mixture.next();
    const pending = mixture.next();
    expect(mixture.state()).toMatchObject({ items: { s0: 1 }, sources: { s0: { index: 1 } } });
    await pending;
    await mixture.return?.();
    expect(await mixture.next()).toEqual({ done: true, value: undefined });
    expect(mixture.state()).toMatchObject({ items: { s0: 2 }, sources: { s0: { index: 2 } } });
  });

  it('serves overlapping calls in order', async () => {
    const sources = sourcesOf([{ weight: 1, costs: [1, 2, 3], whenExhausted: 'stop' }]);
    const mixture = createMixture({ sources });
    const results = await Promise.all([mixture.next(), mixture.next(), mixture.next(), mixture.next()]);
    expect(results.map(({ value }) => value?.cost)).toEqual([1, 2, 3, undefined]);
  });
});

describe('a source that is used up', () => {
  it('ends the mixture (stop)', async () => {
    const sources = sourcesOf([
      { weight: 1, costs: [1, 1], whenExhausted: 'stop' },
      { weight: 1, costs: [1], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({ sources });
    expect((await take(mixture, 100)).map(({ source }) => source)).toEqual(['s0', 's1', 's0', 's1']);
    const again = createMixture({ sources, state: mixture.state() });
    expect(await again.next()).toEqual({ done: true, value: undefined });
    expect(mixture.state().ended).toEqual(['s0']);
  });

  it('begins again, counts passes and tells the source which one it is (repeat)', async () => {
    const passes: (number | undefined)[] = [];
    const mixture = createMixture({
      sources: [
        {
          name: 'few',
          weight: 1,
          open: (state, pass) => {
            passes.push(pass?.epoch);
            return fromArray(['a', 'b'], state);
          },
          cost: () => 1,
          whenExhausted: 'repeat',
        },
      ],
    });
    expect((await take(mixture, 5)).map(({ item }) => item)).toEqual(['a', 'b', 'a', 'b', 'a']);
    expect(passes).toEqual([0, 1, 2]);
    expect(mixture.state().epochs).toEqual({ few: 2 });
  });

  it('begins its first pass where another run stopped, and only the first', async () => {
    const open = (state?: unknown) => fromArray(['a', 'b', 'c'], state);
    const source = { name: 'text', weight: 1, open, cost: () => 1, whenExhausted: 'repeat' as const };
    const earlier = createMixture({ sources: [source] });
    await take(earlier, 2);
    const half = earlier.state().sources['text'];
    await take(earlier, 1);
    const end = earlier.state().sources['text'];
    const read = async (from: unknown, state?: MixtureState) => {
      const mixture = createMixture({ sources: [{ ...source, from }], state });
      return { items: (await take(mixture, 5)).map(({ item }) => item), state: mixture.state() };
    };
    expect((await read(half)).items).toEqual(['c', 'a', 'b', 'c', 'a']);
    expect((await read(end)).items).toEqual(['a', 'b', 'c', 'a', 'b']);
    // A state from before the source was opened, and one from a later pass.
    const unread = {
      version: 1,
      delivered: { text: 0 },
      items: { text: 0 },
      epochs: { text: 0 },
      sources: {},
      ended: [],
    } as const;
    expect((await read(half, { ...unread, ended: [] })).items).toEqual(['c', 'a', 'b', 'c', 'a']);
    expect((await read(half, (await read(half)).state)).items).toEqual(['b', 'c', 'a', 'b', 'c']);
    expect((await read(half, { ...unread, ended: [], epochs: { text: 1 } })).items).toEqual(['a', 'b', 'c', 'a', 'b']);
  });

  it('leaves its share to the others, in proportion (renormalise)', async () => {
    const sources = sourcesOf([
      { weight: 2, costs: new Array(8).fill(1), whenExhausted: 'renormalise' },
      { weight: 1, costs: [1], whenExhausted: 'repeat' },
      { weight: 1, costs: [1], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({ sources });
    const names = (await take(mixture, 116)).map(({ source }) => source);
    expect(names.slice(0, 16).filter((name) => name === 's0')).toHaveLength(8);
    expect(mixture.state()).toMatchObject({ delivered: { s0: 8, s1: 54, s2: 54 }, ended: ['s0'] });
  });

  it('all of them: the mixture has given everything (renormalise)', async () => {
    const costs = [4, 2, 9];
    const sources = sourcesOf(
      [costs, costs, costs].map((c, i) => ({ weight: i + 1, costs: c, whenExhausted: 'renormalise' })),
    );
    expect(await take(createMixture({ sources }), 100)).toHaveLength(9);
  });
});

describe('random choice', () => {
  it('gives shares of the cost in expectation, however unequal the items', async () => {
    const sources = sourcesOf([
      { weight: 3, costs: [900, 100], whenExhausted: 'repeat' },
      { weight: 1, costs: [10], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({ sources, policy: { kind: 'random', seed: 7 } });
    await take(mixture, 40_000);
    const { delivered } = mixture.state();
    expect(delivered['s0']! / (delivered['s0']! + delivered['s1']!)).toBeCloseTo(0.75, 1);
  });

  it('is a function of the seed', async () => {
    const names = async (seed: number): Promise<string> => {
      const sources = sourcesOf([1, 1].map((weight) => ({ weight, costs: [1], whenExhausted: 'repeat' })));
      return (await take(createMixture({ sources, policy: { kind: 'random', seed } }), 64))
        .map(({ source }) => source)
        .join();
    };
    expect(await names(1)).toBe(await names(1));
    expect(new Set(await Promise.all([0, 1, 2, -1, 2 ** 40, 2 ** 41].map(names))).size).toBe(6);
  });
});
