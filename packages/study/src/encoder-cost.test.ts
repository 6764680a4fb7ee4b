import { describe, expect, it } from 'vitest';
import { pictureCost } from './encoder-cost.ts';
import { expandStudy } from './graph.ts';
import { planStudy } from './plan.ts';
import { presets } from './presets/index.ts';
import type { Recipe } from './recipe.ts';

const paper = presets['paper-1b']!;
const hub: Recipe['encoder'] = { ...paper.encoder, kind: 'hub', folder: 'siglip', layer: -2 };

const planned = (features: 'stored' | 'when-read', encoder = hub) =>
  planStudy(expandStudy({ ...paper, encoder, data: { ...paper.data, features } }), { concurrency: 1 });

describe('cost of a frozen encoder', () => {
  it('is two operations for each of SigLIP-so400m’s 400 million weights in blocks and patch, and attention over 256 patches', () => {
    const { patches, width, flops } = pictureCost(hub, 64);
    expect([patches, width]).toEqual([256, 1152]);
    // One block of 15.2 M weights is not run.
    const weights = 26 * (4 * 1152 ** 2 + 2 * 1152 * 4304) + 588 * 1152;
    expect(weights / 1e6).toBeCloseTo(396.6, 0);
    expect(flops - 2 * patches * weights).toBe(26 * 4 * 256 ** 2 * 1152);
  });

  it('is nothing for bare patches', () => {
    expect(pictureCost({ ...paper.encoder, kind: 'bare-patches' }, 64)).toEqual({ patches: 16, width: 768, flops: 0 });
  });

  it('is paid once where features are stored, and in every training phase where they are made when read', () => {
    const [stored, whenRead] = [planned('stored'), planned('when-read')];
    const flops = (plan: typeof stored, kind: string): number[] =>
      plan.phases.filter((phase) => phase.kind === kind).map((phase) => phase.flops);
    expect(flops(stored, 'features')[0]).toBeGreaterThan(flops(whenRead, 'features')[0]!);
    expect(flops(whenRead, 'main')).toEqual(flops(stored, 'main'));
    const { tokens, imageShare } = paper.branch;
    const pictures = (tokens * imageShare) / (256 + 17);
    const added = flops(whenRead, 'branch').map((n, i) => n - flops(stored, 'branch')[i]!);
    expect(added).toHaveLength(6);
    for (const n of added) expect(n / (pictures * pictureCost(hub, 64).flops)).toBeCloseTo(1, 6);
    for (const [i, n] of flops(whenRead, 'finetune').entries())
      expect(n).toBeGreaterThan(flops(stored, 'finetune')[i]!);
  });

  it('takes the 1.2 MB a stored picture that the recipe names', () => {
    const { amount, storeBytes } = planned('stored').phases.find(({ kind }) => kind === 'features')!;
    expect(storeBytes / amount / 1e6).toBeCloseTo(1.18, 2);
  });
});
