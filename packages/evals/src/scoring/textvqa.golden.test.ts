import { describe, expect, it } from 'vitest';
import { failures, goldenCases } from '../testing/golden.ts';
import { textVqaAccuracy, textVqaAnswerScores, textVqaNormalise, textVqaTokens } from './textvqa.ts';

interface Question {
  pred_answer: string;
  gt_answers: string[];
}

describe('TextVQA', () => {
  it('normalises as M4C’s evaluator', () => {
    const cases = goldenCases<{ text: string }, { normalized: string; word_tokenize: string }>('textvqa_normalize');
    expect(
      failures(
        cases,
        ({ text }) => textVqaNormalise(text),
        (value) => value.normalized,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ text }) => textVqaTokens(text),
        (value) => value.word_tokenize,
      ),
    ).toEqual([]);
  });

  it('scores questions to the bit', () => {
    const cases = goldenCases<Question, { accuracy?: number; answer_scores?: Record<string, number> }>(
      'textvqa_question',
    );
    for (const { input } of cases.filter(({ expected }) => expected.accuracy === undefined))
      expect(() => textVqaAccuracy(input.pred_answer, input.gt_answers)).toThrow(
        expect.objectContaining({ code: 'INVALID_ITEM' }),
      );
    const scored = cases.filter(({ expected }) => expected.accuracy !== undefined);
    expect(
      failures(
        scored,
        ({ pred_answer, gt_answers }) => textVqaAccuracy(pred_answer, gt_answers),
        (value) => value.accuracy,
      ),
    ).toEqual([]);
    for (const { input, expected } of scored)
      expect(Object.fromEntries(textVqaAnswerScores(input.gt_answers))).toEqual(expected.answer_scores);
  });

  it('averages over a set', () => {
    const cases = goldenCases<{ predictions: Question[] }, { accuracy: number }>('textvqa_corpus');
    const mean = ({ predictions }: { predictions: Question[] }): number =>
      predictions.reduce((sum, { pred_answer, gt_answers }) => sum + textVqaAccuracy(pred_answer, gt_answers), 0) /
      predictions.length;
    expect(failures(cases, mean, (value) => value.accuracy)).toEqual([]);
  });
});
