import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { expandStudy, phasesOfArm } from '../graph.ts';
import { parseRecipe } from '../parse-recipe.ts';
import { planStudy } from '../plan.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { addSweeps, sweeps, withSweepArms } from './index.ts';
import { type SweepName, sweepNames } from './names.ts';

const quick = presets['quick']!;
/** The preset with the arms of a sweep alone. */
const alone = (name: SweepName): Recipe => ({ ...quick, arms: sweeps[name].arms(quick) });
const count = (recipe: Recipe, kind: string): number =>
  expandStudy(recipe).phases.filter((phase) => phase.kind === kind).length;

/** Those that need nothing of a recipe that a preset does not have; `from-public` has a test of its own beside the phase. */
const ofPresets = sweepNames.filter((name) => name !== 'from-public');

describe('sweeps', () => {
  it.each(ofPresets)('%s expands every preset into valid arms, and twice is once', (name) => {
    for (const preset of Object.values(presets)) {
      const expanded = withSweepArms(addSweeps(preset, [name]));
      expect(parseRecipe(expanded)).toEqual(expanded);
      expect(withSweepArms(expanded)).toEqual(expanded);
      expect(expandStudy(expanded).recipe).toEqual(expanded);
    }
    expect(sweeps[name].question).toMatch(/\?$/);
  });

  it('refuse a recipe that they cannot be asked of', async () => {
    const real = JSON.parse(
      await readFile(new URL('../../../../examples/real-data/paper-1b.json', import.meta.url), 'utf8'),
    ) as Recipe;
    expect(() => withSweepArms(addSweeps(real, ['captions']))).toThrow(/captions of one’s own/);
    expect(() => withSweepArms(addSweeps(real, ['encoder']))).toThrow(/"cnn" learns from labelled scenes/);
    const share = (imageShare: number): Recipe => ({ ...quick, branch: { ...quick.branch, imageShare } });
    for (const few of [0, 0.0001]) {
      expect(() => withSweepArms(addSweeps(share(few), ['budget']))).toThrow(/a share of at least 0\.001/);
    }
  });

  it('leave every phase of the recipe itself as it was', () => {
    const all = new Map(expandStudy(addSweeps(quick, ofPresets)).phases.map((phase) => [phase.id, phase.hash]));
    for (const phase of expandStudy(quick).phases) {
      if (phase.kind !== 'report') expect(all.get(phase.id), phase.id).toBe(phase.hash);
    }
  });

  // Phases that train: [pieces of main runs, branches, fine-tunings, encoders]; the main run is one run however it is cut.
  it.each<[SweepName, number[]]>([
    ['timing', [6, 6, 6, 1]],
    ['ratio', [3, 8, 8, 1]],
    ['scratch', [2, 8, 8, 1]],
    ['instruction', [3, 4, 4, 1]],
    ['epochs', [3, 1, 5, 1]],
    ['encoder', [3, 2, 2, 2]],
    ['frozen', [3, 3, 5, 1]],
    ['captions', [3, 3, 3, 1]],
    ['scale', [5, 5, 5, 1]],
    ['schedule', [3, 12, 12, 1]],
    ['budget', [4, 12, 12, 1]],
    ['blind', [6, 12, 12, 1]],
  ])('%s shares what it does not vary', (name, expected) => {
    const recipe = alone(name);
    expect(['main', 'branch', 'finetune', 'encoder'].map((kind) => count(recipe, kind))).toEqual(expected);
  });

  it('seeds runs every arm at three seeds, and varies the seed of fine-tuning alone', () => {
    const study = expandStudy(addSweeps(quick, ['seeds']));
    expect(study.recipe.seeds).toEqual([124, 7, 365]);
    const branches = [124, 7, 365].map((seed) => phasesOfArm(study, `finetune-seed-${seed}/seed-124`)!.branch.id);
    expect(new Set(branches)).toEqual(new Set(['branch/branch-80/seed-124']));
    expect(phasesOfArm(study, 'finetune-seed-7/seed-124')!.finetune.settings['seed']).toBe(7);
  });

  it('together take less than half the phases that every model by itself would', () => {
    const { all, naive } = planStudy(expandStudy(addSweeps(quick, ofPresets)), { concurrency: 2 });
    expect(naive.flops / all.flops).toBeGreaterThan(1.5);
    expect(naive.phases).toBeGreaterThan(2 * all.phases);
  });

  it('cost what the README says', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const rows = readme
      .slice(readme.indexOf('## Sweeps'))
      .split('\n')
      .flatMap((line) => {
        const [, name, cost] = /^\| `([a-z-]+)`.*\| ([^|]+?) +\|$/.exec(line) ?? [];
        return name && (sweepNames as readonly string[]).includes(name) ? [[name as SweepName, cost!] as const] : [];
      });
    expect(rows.map(([name]) => name).sort()).toEqual([...sweepNames].sort());
    const finished = new Set(expandStudy(quick).phases.map(({ hash }) => hash));
    for (const [name, cost] of rows.filter(([name]) => name !== 'from-public')) {
      const { phases, toDo } = planStudy(expandStudy(addSweeps(quick, [name])), { concurrency: 1, finished });
      const more = (kind: string): number => phases.filter((phase) => phase.kind === kind && !phase.finished).length;
      const tokens = (toDo.trainingTokens / 1e6).toFixed(1);
      expect(cost, name).toBe(`${more('branch')} + ${more('finetune')}, ${tokens}M`);
    }
  });

  it('budget holds the number of image tokens', () => {
    const wanted = quick.branch.tokens * quick.branch.imageShare;
    for (const { tokens, imageShare } of sweeps.budget.arms(quick)) {
      expect(Math.abs(tokens! * imageShare! - wanted)).toBeLessThan(1);
    }
  });

  it('names the sweep that was meant, and an arm that two settings claim', () => {
    expect(() => addSweeps(quick, ['tming'])).toThrow(/did you mean "timing"/);
    const own = { id: 'epochs-1', branchPoint: 0.2, schedule: 'continued' } as const;
    expect(() => withSweepArms({ ...quick, arms: [own], sweeps: ['epochs'] })).toThrow(/"epochs-1".*other settings/);
    expect(() => parseRecipe({ ...quick, sweeps: ['tming'] })).toThrow(/sweeps\.0/);
  });
});

describe('changes of an arm', () => {
  const arm = { id: 'a', branchPoint: 0.8, schedule: 'continued' } as const;
  it.each([
    [
      'a key that is not there',
      { finetune: { epoch: 2 } },
      /arms\.0\.changes\.finetune: unknown key "epoch"; did you mean "epochs"/,
    ],
    ['a part that no arm may change', { corpus: {} }, /arms\.0\.changes: unknown key "corpus"/],
    [
      'heads that do not divide the width',
      { model: { heads: 5 } },
      /arms\.0\.changes\.model\.heads: expected a divisor/,
    ],
  ])('refuse %s', (_, changes, message) => {
    expect(() => parseRecipe({ ...quick, arms: [{ ...arm, changes }] })).toThrow(message);
  });

  it('touch only the phases that depend on them', () => {
    const changed = expandStudy({ ...quick, arms: [...quick.arms, { ...arm, changes: { encoder: { steps: 5 } } }] });
    const chain = phasesOfArm(changed, 'a/seed-124')!;
    expect(chain.branch.parents).toMatchObject({ tokenizer: 'tokenizer', main: 'main/seed-124/step-391' });
    expect(chain.branch.parents['features']).toMatch(/^features\/[0-9a-f]{8}$/);
  });
});
