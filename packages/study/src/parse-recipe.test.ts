import { describe, expect, it } from 'vitest';
import { parseRecipe } from './parse-recipe.ts';
import { presetNames, presets } from './presets/index.ts';

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
    ['a seed twice', { seeds: [124, 124] }, /seeds.*every seed once/],
    ['rows too short for a picture', { model: { ...quick.model, sequenceLength: 16 } }, /sequenceLength/],
    ['a floor above the re-warmed peak', { branch: { ...quick.branch, lrMin: 0.5 } }, /branch\.lrMin.*rewarmPeak/],
    [
      'a floor above the peak of one arm',
      { arms: [{ id: 'a', branchPoint: 1, schedule: 'rewarm', lrPeak: 1e-6 }] },
      /arms\.0\.lrPeak: expected at least branch\.lrMin/,
    ],
    ['a warm-up longer than its run', { main: { ...quick.main, warmupSteps: 1000 } }, /main\.warmupSteps.*489 steps/],
    ['a re-warm-up longer than phase 2', { branch: { ...quick.branch, rewarmSteps: 1e6 } }, /branch\.rewarmSteps/],
    [
      'a floor of one arm above its own peak',
      { arms: [{ id: 'a', branchPoint: 1, schedule: 'rewarm', lrPeak: 1e-4, changes: { branch: { lrMin: 1e-3 } } }] },
      /arms\.0\.lrPeak: expected at least branch\.lrMin \(0\.001\), got 0\.0001/,
    ],
    [
      'a re-warm-up longer than the phase 2 of one arm',
      { arms: [{ id: 'a', branchPoint: 1, schedule: 'rewarm', tokens: 2000 }] },
      /arms\.0\.tokens: expected enough for branch\.rewarmSteps \(\d+\) .* got \d steps?/,
    ],
    [
      'labels as captions of data of one’s own',
      { corpus: { preset: 'external' }, arms: [{ id: 'a', branchPoint: 1, schedule: 'rewarm', captions: 'labels' }] },
      /arms\.0\.captions: .* scenes of the default corpus/,
    ],
    [
      'an arm called as the text model is',
      { arms: [{ ...quick.arms[0], id: 'text-model' }] },
      /arms\.0\.id.*another name/,
    ],
    ['another version', { version: 2 }, /version/],
  ])('refuses %s', (_, change, message) => {
    expect(() => parseRecipe({ ...quick, ...change })).toThrow(message);
  });
});
