import { expect, it } from 'vitest';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { madeUpResults } from '../testing/made-up-results.ts';
import { seriesStyle } from './palette.ts';
import { lossFigure, scheduleFigure } from './training-figures.ts';

it('gives every mark of the learning rates’ axis a number of its own', async () => {
  const standard: Recipe = { ...presets['standard']!, seeds: [124] };
  const arms = standard.arms.filter(({ branchPoint }) => branchPoint >= 0.8);
  const { panels } = await scheduleFigure(madeUpResults({ ...standard, arms }, () => 0.5));
  for (const { svg } of panels) {
    const marks = [...svg.matchAll(/>([\d.]+e[-−+]\d+)</g)].map(([, mark]) => mark);
    expect(marks.length).toBeGreaterThan(3);
    expect(new Set(marks).size).toBe(marks.length);
  }
});

it('draws the losses of the first seed that was evaluated', async () => {
  const standard = presets['standard']!;
  const all = madeUpResults({ ...standard, arms: standard.arms.slice(-2) }, () => 0.5);
  const later = { ...all, models: all.models.filter(({ seed }) => seed === 365) };
  expect((await lossFigure(all)).caption).toContain('seed 124.');
  const { caption, legend } = await lossFigure(later);
  expect(caption).toContain('seed 365.');
  expect(legend).toHaveLength(3);
});

it('draws a few series in hues far apart, and no two alike of up to 32', () => {
  const hues = Array.from({ length: 8 }, (_, i) => seriesStyle(i, 8).colour);
  const placesOf = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => hues.indexOf(seriesStyle(i, count).colour));
  expect(placesOf(1)).toEqual([0]);
  expect(placesOf(2)).toEqual([0, 4]);
  expect(placesOf(3)).toEqual([0, 2, 5]);
  const styles = Array.from({ length: 32 }, (_, i) => JSON.stringify(seriesStyle(i, 32)));
  expect(new Set(styles).size).toBe(32);
});
