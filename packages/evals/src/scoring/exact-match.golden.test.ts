import { expect, it } from 'vitest';
import { failures, goldenCases } from '../testing/golden.ts';
import { gqaExactMatch, gqaPercent, gqaPrediction } from './exact-match.ts';

it('normalises and compares as GQA’s harness', () => {
  const cases = goldenCases<{ model_output: string; gold: string }, { normalized: string; correct: boolean }>(
    'gqa_normalize',
  );
  expect(
    failures(
      cases,
      (input) => gqaPrediction(input.model_output),
      (value) => value.normalized,
    ),
  ).toEqual([]);
  expect(
    failures(
      cases,
      ({ model_output, gold }) => gqaExactMatch(model_output, gold) === 1,
      (value) => value.correct,
    ),
  ).toEqual([]);
});

interface Question {
  model_output: string;
  gold: string;
  isBalanced: boolean;
}

it.each(goldenCases<{ questions: Question[]; missing_indices: number[] }, { accuracy?: number }>('gqa_corpus'))(
  'scores sets of balanced questions: $id $kind',
  ({ input, expected }) => {
    const questions = input.questions.map(({ model_output, gold, isBalanced }, i) => ({
      prediction: input.missing_indices.includes(i) ? undefined : model_output,
      gold,
      balanced: isBalanced,
    }));
    if (expected.accuracy === undefined)
      expect(() => gqaPercent(questions)).toThrow(expect.objectContaining({ code: 'INVALID_ITEM' }));
    else expect(gqaPercent(questions)).toBe(expected.accuracy);
  },
);

it('lets a hyphen match where both sides are treated alike', () => {
  expect(gqaExactMatch('T-Shirt', 't-shirt')).toBe(0);
  expect(gqaExactMatch('T-Shirt.', 't-shirt', 'fixed')).toBe(1);
});
