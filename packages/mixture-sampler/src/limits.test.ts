import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixture, type MixtureSource } from './index.ts';
import { anyLimits, anyPlan, anyPolicy, type Numbered, sourcesOf, take } from './testing/plans.ts';

const repeating: MixtureSource<Numbered> = sourcesOf([{ weight: 1, costs: [3, 4], whenExhausted: 'repeat' }])[0]!;

describe('limits of a source', () => {
  it('are kept by any sources and policy', async () => {
    const limited = anyPlan(fc.constant('repeat')).chain((plan) => fc.tuple(...plan.map(anyLimits)));
    await fc.assert(
      fc.asyncProperty(limited, anyPolicy, async (plan, policy) => {
        const mixture = createMixture({ sources: sourcesOf(plan), policy });
        await take(mixture, 150);
        const { sources, stoppedBy } = mixture.report();
        for (const [i, { limits = {}, costs, whenLimited }] of plan.entries()) {
          const { delivered, items, epochs, ended, name } = sources[i]!;
          expect(delivered).toBeLessThanOrEqual(limits.cost ?? Number.POSITIVE_INFINITY);
          expect(items).toBeLessThanOrEqual(limits.items ?? Number.POSITIVE_INFINITY);
          expect(items).toBeLessThanOrEqual((limits.epochs ?? Number.POSITIVE_INFINITY) * costs.length);
          expect(epochs).toBe(Math.min(limits.epochs ?? Number.POSITIVE_INFINITY, epochs));
          if (ended !== null) expect(ended).toBe('limit');
          if (ended !== null && whenLimited === 'stop') expect(stoppedBy).toBe(name);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('end it after its passes, its items or before the item that would cross its cost', async () => {
    const run = async (limits: MixtureSource<Numbered>['limits']) => {
      const mixture = createMixture({ sources: [{ ...repeating, limits, whenLimited: 'stop' }] });
      const costs = (await take(mixture, 50)).map(({ cost }) => cost);
      const [source] = mixture.report().sources;
      return { costs, epochs: source!.epochs, ended: source!.ended, stoppedBy: mixture.report().stoppedBy };
    };
    const end = { ended: 'limit', stoppedBy: 's0' };
    expect(await run({ epochs: 2 })).toEqual({ costs: [3, 4, 3, 4], epochs: 2, ...end });
    expect(await run({ items: 3 })).toEqual({ costs: [3, 4, 3], epochs: 1, ...end });
    expect(await run({ cost: 13 })).toEqual({ costs: [3, 4, 3], epochs: 1, ...end });
    expect(await run({ cost: 14 })).toEqual({ costs: [3, 4, 3, 4], epochs: 2, ...end });
  });

  it('leave its share to the others (renormalise), told apart from running dry', async () => {
    const sources = sourcesOf([
      { weight: 1, costs: [1], whenExhausted: 'repeat', limits: { items: 5 }, whenLimited: 'renormalise' },
      { weight: 1, costs: [1, 1, 1], whenExhausted: 'renormalise' },
      { weight: 1, costs: [1], whenExhausted: 'repeat' },
    ]);
    const mixture = createMixture({ sources });
    await take(mixture, 40);
    expect(mixture.report().sources.map(({ items, ended }) => [items, ended])).toEqual([
      [5, 'limit'],
      [3, 'exhausted'],
      [32, null],
    ]);
    expect(mixture.state()).toMatchObject({ ended: ['s0', 's1'], limited: ['s0'] });
    const again = createMixture({ sources, state: JSON.parse(JSON.stringify(mixture.state())) });
    expect(again.report()).toEqual(mixture.report());
  });
});

describe('per-batch choice', () => {
  it('takes whole batches from one source, by weight and not by cost', async () => {
    const sources = sourcesOf([
      { weight: 3, costs: [100], whenExhausted: 'repeat' },
      { weight: 1, costs: [1], whenExhausted: 'repeat' },
    ]);
    const items = await take(createMixture({ sources, policy: { kind: 'per-batch', seed: 124, items: 8 } }), 16_000);
    for (let i = 0; i < items.length; i += 8)
      expect(new Set(items.slice(i, i + 8).map(({ source }) => source)).size).toBe(1);
    const share = items.filter(({ source }) => source === 's0').length / items.length;
    expect(Math.abs(share - 0.75)).toBeLessThan(0.04); // three standard errors of 2,000 draws
  });

  it('cuts the batch of a source that ends, and goes on with the others', async () => {
    const sources = sourcesOf([
      { weight: 1000, costs: [1, 1, 1], whenExhausted: 'renormalise' },
      { weight: 1, costs: [2], whenExhausted: 'repeat' },
    ]);
    const items = await take(createMixture({ sources, policy: { kind: 'per-batch', seed: 1, items: 2 } }), 9);
    expect(items.map(({ source }) => source).join(' ')).toBe('s0 s0 s0 s1 s1 s1 s1 s1 s1');
  });
});
