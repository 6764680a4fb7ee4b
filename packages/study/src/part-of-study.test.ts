import { describe, expect, it } from 'vitest';
import { expandStudy } from './graph.ts';
import { partOfStudy } from './part-of-study.ts';
import { presets } from './presets/index.ts';
import { neededPhases } from './schedule.ts';
import { addSweeps } from './sweeps/index.ts';

const study = expandStudy(addSweeps(presets['quick']!, ['schedule', 'seeds']));
const idsOf = (names: string[]): string[] => partOfStudy(study, names).phases.map(({ id }) => id);

describe('partOfStudy', () => {
  it('keeps what one arm needs and nothing else, in order and with the identities of the whole', () => {
    const part = partOfStudy(study, ['branch-80/seed-7']);
    expect(part.phases.map(({ id }) => id).filter((id) => !id.startsWith('main/'))).toEqual([
      'corpus',
      'tokenizer',
      'encoder',
      'features',
      'branch/branch-80/seed-7',
      'finetune/branch-80/seed-7',
      'evaluate/branch-80/seed-7',
    ]);
    for (const phase of part.phases) expect(study.phases).toContain(phase);
    expect(neededPhases(part, new Set())).toEqual(part.phases);
  });

  it('takes every seed of an arm, and the cuts of the main run that other arms made', () => {
    const ids = idsOf(['branch-100']);
    for (const seed of study.recipe.seeds) expect(ids).toContain(`evaluate/branch-100/seed-${seed}`);
    const cuts = study.phases.filter(({ id }) => id.startsWith('main/seed-124/'));
    expect(ids.filter((id) => id.startsWith('main/seed-124/'))).toEqual(cuts.map(({ id }) => id));
  });

  it('finds an arm whose training another arm shares', () => {
    expect(idsOf(['rewarm-100-x1'])).toEqual(idsOf(['branch-100']));
  });

  it('runs the text model alone', () => {
    expect(idsOf(['text-model/seed-124']).filter((id) => !id.startsWith('main/'))).toEqual([
      'corpus',
      'tokenizer',
      'evaluate/text-model/seed-124',
    ]);
  });

  it('names the models there are where one is misspelt', () => {
    expect(() => idsOf(['rewarm-08-x1'])).toThrow(
      /no model "rewarm-08-x1"; did you mean "rewarm-80-x1"\? Models: branch-0\/seed-124/,
    );
  });
});
