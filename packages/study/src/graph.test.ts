import { describe, expect, it } from 'vitest';
import { expandStudy, type Phase } from './graph.ts';
import { planStudy } from './plan.ts';
import { presets } from './presets/index.ts';
import type { Recipe } from './recipe.ts';
import { mainSteps } from './recipe.ts';

const quick = presets['quick']!;
const hashes = (recipe: Recipe): Map<string, string> =>
  new Map(expandStudy(recipe).phases.map((phase) => [phase.id, phase.hash]));
const changed = (a: Recipe, b: Recipe): string[] => {
  const before = hashes(a);
  return [...hashes(b)]
    .filter(([id, hash]) => before.has(id) && before.get(id) !== hash)
    .map(([id]) => id.split('/')[0]!);
};

describe('expandStudy', () => {
  it('puts every phase after what it needs', () => {
    const done = new Set<string>();
    for (const phase of expandStudy(quick).phases) {
      const needs = [...Object.values(phase.parents), ...(phase.continues ? [phase.continues] : [])];
      for (const id of needs) expect(done, `${phase.id} needs ${id}`).toContain(id);
      done.add(phase.id);
    }
  });

  it('trains a main run once for all arms of a seed', () => {
    const mains = expandStudy(quick).phases.filter((phase) => phase.kind === 'main');
    expect(mains.map((phase) => phase.settings['toStep'])).toEqual([0, 98, 196, 293, 391, 489]);
    expect(mains[1]!.continues).toBe(mains[0]!.id);
  });

  it('keeps every finished phase when an arm is added', () => {
    const grown: Recipe = {
      ...quick,
      arms: [...quick.arms, { id: 'branch-50', branchPoint: 0.5, schedule: 'continued' }],
    };
    expect(changed(quick, grown)).toEqual(['report']);
  });

  it('reruns exactly what hangs below a changed setting', () => {
    const finetune: Recipe = { ...quick, finetune: { ...quick.finetune, epochs: 3 } };
    expect(new Set(changed(quick, finetune))).toEqual(new Set(['finetune', 'evaluate', 'report']));
    const branch: Recipe = { ...quick, branch: { ...quick.branch, imageShare: 0.1 } };
    expect(new Set(changed(quick, branch))).toEqual(new Set(['branch', 'finetune', 'evaluate', 'report']));
    const main: Recipe = { ...quick, main: { ...quick.main, lrPeak: 1e-3 } };
    expect(new Set(changed(quick, main))).toEqual(new Set(['main', 'branch', 'finetune', 'evaluate', 'report']));
  });

  it('repeats nothing for settings of a training that a vocabulary or an encoder did not have', () => {
    const taken = { ...quick.tokenizer, file: 'tokenizer.json' };
    const other = { vocabSize: 1000, maxTrainBytes: 1 };
    expect(changed({ ...quick, tokenizer: taken }, { ...quick, tokenizer: { ...taken, ...other } })).toEqual([
      'report',
    ]);
    expect(changed(quick, { ...quick, tokenizer: { ...quick.tokenizer, ...other } })).toContain('tokenizer');

    const training = { channels: [8], steps: 1, batchSize: 1, lrPeak: 0.5, weightDecay: 0 };
    for (const kind of ['hub', 'bare-patches', 'cnn'] as const) {
      const encoder = { ...quick.encoder, kind, ...(kind === 'hub' ? { folder: 'siglip', layer: -2 } : {}) };
      const otherTraining = changed({ ...quick, encoder }, { ...quick, encoder: { ...encoder, ...training } });
      if (kind === 'cnn') expect(otherTraining).toContain('encoder');
      else expect(otherTraining).toEqual(['report']);
      const otherThreads = changed({ ...quick, encoder }, { ...quick, encoder, threads: 7, seeds: [9] });
      expect(otherThreads.includes('encoder')).toBe(kind === 'cnn');
    }
    const hub = { ...quick, encoder: { ...quick.encoder, kind: 'hub' as const, folder: 'siglip', layer: -2 } };
    expect(changed(hub, { ...hub, encoder: { ...hub.encoder, layer: -1 } })).toContain('features');
  });

  it('asks nothing again for more resamples or samples in the report', () => {
    const evaluate = { ...quick.evaluate, bootstrapSamples: 20_000, sampleItems: 30 };
    expect(changed(quick, { ...quick, evaluate })).toEqual(['report']);
  });

  it('accumulates batches into fewer updates, and is what it was where it does not', () => {
    const twice: Recipe = { ...quick, main: { ...quick.main, batchSize: 8, accumulate: 2 } };
    expect(mainSteps(twice)).toBe(mainSteps(quick));
    expect(mainSteps({ ...quick, main: { ...quick.main, accumulate: 2 } })).toBe(Math.ceil(mainSteps(quick) / 2));
    expect(changed(quick, { ...quick, branch: { ...quick.branch, accumulate: undefined } })).toEqual([]);
    expect(changed(quick, { ...quick, branch: { ...quick.branch, accumulate: 2 } })).toContain('branch');
  });

  it('keeps features of questions alone where training makes its own, and is what it was where they are stored', () => {
    const whenRead: Recipe = { ...quick, data: { ...quick.data, features: 'when-read' } };
    expect(changed(quick, { ...quick, data: { ...quick.data, features: 'stored' } })).toEqual(['report']);
    expect(new Set(changed(quick, whenRead))).toEqual(
      new Set(['features', 'branch', 'finetune', 'evaluate', 'report']),
    );
    const stored = (recipe: Recipe): number => {
      const { phases } = planStudy(expandStudy(recipe), { concurrency: 1 });
      return phases.find(({ kind }) => kind === 'features')!.storeBytes;
    };
    expect(stored(whenRead)).toBeLessThan(stored(quick) / 4);
  });

  it('trains anew where later passes have orders of their own, and is what it was where they have not', () => {
    const reshuffle = (value: boolean): Recipe => ({ ...quick, data: { ...quick.data, reshuffle: value } });
    expect(changed(quick, reshuffle(false))).toEqual(['report']);
    expect(new Set(changed(quick, reshuffle(true)))).toEqual(
      new Set(['main', 'branch', 'finetune', 'evaluate', 'report']),
    );
    const training = expandStudy(reshuffle(true)).phases.filter(({ kind }) =>
      ['main', 'branch', 'finetune'].includes(kind),
    );
    expect(training.map(({ settings }) => settings['reshuffle'])).toEqual(training.map(() => true));
  });

  it('gives an arm its own settings and another identity', () => {
    const arm = (phases: Phase[]): Phase => phases.find((phase) => phase.id.startsWith('branch/branch-80'))!;
    const base = arm(expandStudy(quick).phases);
    const more = arm(expandStudy({ ...quick, arms: quick.arms.map((a) => ({ ...a, imageShare: 0.3 })) }).phases);
    expect(base.settings['imageShare']).toBe(quick.branch.imageShare);
    expect(more.settings['imageShare']).toBe(0.3);
    expect(more.hash).not.toBe(base.hash);
  });
});
