import { describe, expect, it } from 'vitest';
import { close, goldenCases } from '../testing/golden.ts';
import { type StableTask, stableScore, textStableTasks, visionStableTasks } from './stable-score.ts';

type Results = Record<string, Record<string, number | null>>;
type Expected = Record<string, unknown>;

function check(
  accuracies: Record<string, number | null | undefined>,
  tasks: readonly StableTask[],
  expected: Expected,
  nameOf: (task: string) => string,
): void {
  if ('exception' in expected) {
    expect(() => stableScore(accuracies, tasks)).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
    return;
  }
  const got = stableScore(accuracies, tasks);
  const present = tasks.filter(({ task }) => `${nameOf(task)}-stable-score` in expected);
  expect(got.missing).toEqual(tasks.filter((task) => !present.includes(task)).map(({ task }) => task));
  expect(got.score === undefined).toBe(got.missing.length > 0);
  if (expected['value'] !== null) expect(close(got.meanOfPresent, expected['value'])).toBe(true);
  for (const { task } of present)
    expect(Math.abs(got.perTask[task]! - (expected[`${nameOf(task)}-stable-score`] as number))).toBeLessThan(1e-12);
}

describe('stable scores as the authors’ scripts compute them, but for incomplete sets', () => {
  const vision: Record<string, [string, string]> = {
    pope: ['pope_pope-full', 'accuracy__POPE-final-Accuracy'],
    'ocid-ref': ['ocid-ref_ocid-ref-full', 'accuracy__OCIDRef-All'],
    refcoco: ['refcoco_refcoco-full', 'accuracy__RefCOCO'],
    'text-vqa': ['text-vqa_text-vqa-full', 'accuracy__TextVQA-Pure'],
    gqa: ['gqa_gqa-full', 'accuracy'],
    'vqa-v2': ['vqa-v2_vqa-v2-full', 'accuracy'],
  };

  it.each(goldenCases<Results, Expected>('stable_score_vision'))('$id $kind', ({ input, expected }) => {
    const accuracies = Object.fromEntries(
      Object.entries(vision).map(([task, [file, metric]]) => [task, input[file]?.[metric]]),
    );
    check(accuracies, visionStableTasks, expected, (task) => vision[task]![0]);
  });

  it.each(goldenCases<Results & { results?: Results }, Expected>('stable_score_text'))(
    '$id $kind',
    ({ input, expected }) => {
      const results = (input.results ?? input) as Results;
      const accuracies = Object.fromEntries(textStableTasks.map(({ task }) => [task, results[task]?.['acc,none']]));
      check(accuracies, textStableTasks, expected, (task) => task);
    },
  );

  it('say nothing without a task', () => {
    expect(stableScore({}, visionStableTasks)).toEqual({ missing: Object.keys(vision), perTask: {} });
  });
});
