import type { EvalRow } from '@vlm/evals';
import { describe, expect, it } from 'vitest';
import { meanScoreItems, scoreRows, visionScoreTask } from './score-rows.ts';

const row = (
  task: string,
  id: number,
  score: number,
  chance: number,
  condition: EvalRow['condition'] = 'image',
): EvalRow => ({
  id: `${task}-${id}`,
  task,
  split: 'new-scene',
  type: 'name',
  condition,
  prompt: '?',
  output: '',
  expected: '',
  score,
  chance,
});

describe('the means over tasks', () => {
  it('are over the four tasks of the vision score, and over the twins of the paper’s six', () => {
    const tasks = [
      'open-vqa',
      'existence',
      'grounding',
      'captioning',
      'relations',
      'reading',
      'counting',
      'cluttered-grounding',
    ];
    const rows = tasks.map((task, i) => row(task, 1, 0.1 * i, 0));
    const value = (task: string) =>
      scoreRows(rows, { seed: 1, resamples: 200 }).find((one) => one.task === task)!.value;
    expect(value('vision score')).toBeCloseTo((0 + 0.1 + 0.2 + 0.3) / 4, 12);
    expect(value('six-task score')).toBeCloseTo((0 + 0.1 + 0.2 + 0.4 + 0.5 + 0.7) / 6, 12);
  });
});

describe('the vision score', () => {
  it('is the mean over tasks of score less chance, however many items a task has', () => {
    const rows = [row('open-vqa', 1, 1, 0.1), row('open-vqa', 2, 0, 0.1), row('existence', 1, 1, 0.5)];
    const score = scoreRows(rows, { seed: 1, resamples: 200 }).find(({ task }) => task === 'vision score')!;
    expect(score.value).toBeCloseTo((0.5 - 0.1 + (1 - 0.5)) / 2, 12);
    expect(score.low).toBeLessThanOrEqual(score.value);
    expect(score.high).toBeGreaterThanOrEqual(score.value);
  });

  it('takes questions about one picture together', () => {
    const rows = Array.from({ length: 60 }, (_, i) => row('open-vqa', i, Math.floor(i / 10) % 2, 0.1));
    const sharing = rows.map((one, i): EvalRow => ({ ...one, cluster: `${Math.floor(i / 10)}` }));
    const width = (given: EvalRow[], task: string): number => {
      const { low, high } = scoreRows(given, { seed: 1, resamples: 400 }).find((score) => score.task === task)!;
      return high - low;
    };
    for (const task of ['vision score', 'open-vqa'])
      expect(width(sharing, task)).toBeGreaterThan(1.8 * width(rows, task));
  });

  it('keeps conditions apart', () => {
    const rows = [row('open-vqa', 1, 1, 0), row('open-vqa', 1, 0, 0, 'wrong-image')];
    expect(meanScoreItems(visionScoreTask, rows, 'image').map(({ score }) => score)).toEqual([1]);
    expect(meanScoreItems(visionScoreTask, rows, 'wrong-image').map(({ score }) => score)).toEqual([0]);
  });
});

describe('scoreRows', () => {
  it('puts chance beside every score once', () => {
    const rows = [row('existence', 1, 1, 0.5), row('existence', 1, 0, 0.5, 'no-image')];
    const chance = scoreRows(rows, { seed: 1, resamples: 200 }).filter(
      ({ condition, type }) => condition === 'chance' && type === 'all',
    );
    expect(chance.map(({ value, task }) => [task, value])).toEqual([['existence', 0.5]]);
  });

  it('shows what was said: a model that always says yes', () => {
    const said = (id: number, output: string): EvalRow => ({ ...row('existence', id, 1, 0.5), output });
    const rows = scoreRows([said(1, 'yes'), said(2, 'Yes.'), said(3, 'yes'), said(4, 'no')], {
      seed: 1,
      resamples: 200,
    });
    const value = (metric: string) => rows.find((one) => one.metric === metric && one.type === 'all')?.value;
    expect(value('share-of-yes')).toBe(0.75);
    expect(value('most-frequent-answer-share')).toBe(0.75);
    expect(value('distinct-answers')).toBe(2);
    const other = scoreRows([said(1, 'yes'), said(2, 'a cat')], { seed: 1, resamples: 200 });
    expect(other.some(({ metric }) => metric === 'share-of-yes')).toBe(false);
    const boxes = scoreRows([row('grounding', 1, 0, 0.1)], { seed: 1, resamples: 200 });
    expect(boxes.some(({ metric }) => metric === 'distinct-answers')).toBe(false);
  });
});
