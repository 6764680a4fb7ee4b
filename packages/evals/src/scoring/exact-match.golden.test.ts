import { expect, it } from 'vitest';
import { failures, goldenCases } from '../testing/golden.ts';
import { gqaExactMatch, gqaPrediction } from './exact-match.ts';

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
