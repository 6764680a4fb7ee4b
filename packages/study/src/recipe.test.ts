import { describe, expect, it } from 'vitest';
import { presetNames, presets } from './presets/index.ts';
import { parseRecipe } from './recipe.ts';

const quick = presets['quick']!;

describe('parseRecipe', () => {
  it.each(presetNames)('accepts the preset %s', (name) => {
    expect(parseRecipe(presets[name])).toEqual(presets[name]);
  });

  it('suggests the nearest key for a misspelt one, where it stands', () => {
    const input = { ...quick, main: { ...quick.main, warmupStep: 10 } };
    expect(() => parseRecipe(input)).toThrow(/main: unknown key "warmupStep"; did you mean "warmupSteps"\?/);
  });

  it('suggests inside arms', () => {
    const input = { ...quick, arms: [{ id: 'a', branchpoint: 0.5, branchPoint: 0.5, schedule: 'continued' }] };
    expect(() => parseRecipe(input)).toThrow(/arms\.0: unknown key "branchpoint"; did you mean "branchPoint"\?/);
  });

  it('names every value out of range', () => {
    const input = { ...quick, branch: { ...quick.branch, imageShare: 1.5 }, seeds: [] };
    expect(() => parseRecipe(input)).toThrow(/2 problems[\s\S]*seeds[\s\S]*branch\.imageShare/);
  });

  it.each([
    ['heads that do not divide the width', { model: { ...quick.model, heads: 5 } }, /divisor of model\.dim/],
    ['two arms of one name', { arms: [quick.arms[0], quick.arms[0]] }, /used twice/],
    ['a continued arm at 0', { arms: [{ id: 'a', branchPoint: 0, schedule: 'continued' }] }, /no main run to continue/],
    [
      'a peak on a continued arm',
      { arms: [{ id: 'a', branchPoint: 0.5, schedule: 'continued', lrPeak: 0.1 }] },
      /only a "rewarm" arm/,
    ],
    ['another version', { version: 2 }, /version/],
  ])('refuses %s', (_, change, message) => {
    expect(() => parseRecipe({ ...quick, ...change })).toThrow(message);
  });
});
