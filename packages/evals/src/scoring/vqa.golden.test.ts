import { describe, expect, it } from 'vitest';
import { failures, goldenCases } from '../testing/golden.ts';
import { vqaAccuracy, vqaPercent } from './vqa-accuracy.ts';
import { officialPrediction, officialPunctuation, officialWords } from './vqa-normalise.ts';

interface Normalised {
  prediction: string;
  ground_truth: string;
  digits_articles_contractions_only: string;
}
interface Question {
  prediction: string;
  answers: string[];
  answer_ids?: boolean;
  answer_type?: string;
  question_type?: string;
}

describe('VQAv2, official', () => {
  it('normalises as the reference', () => {
    const cases = goldenCases<{ text: string }, Normalised>('vqav2_normalize');
    expect(
      failures(
        cases,
        ({ text }) => officialPrediction(text),
        (value) => value.prediction,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ text }) => officialPunctuation(text),
        (value) => value.ground_truth,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ text }) => officialWords(text),
        (value) => value.digits_articles_contractions_only,
      ),
    ).toEqual([]);
  });

  const accuracy = ({ prediction, answers, answer_ids = true }: Question): number =>
    vqaAccuracy(prediction, answers, { mode: 'official', answerIds: answer_ids });

  it('scores questions to the bit', () => {
    const cases = goldenCases<Question, { accuracy: number }>('vqav2_question');
    expect(failures(cases, accuracy, (value) => value.accuracy)).toEqual([]);
  });

  it('scores sets, and their parts by type, with the reference’s rounding', () => {
    type Parts = Record<string, number>;
    const cases = goldenCases<
      { questions: Question[] },
      { accuracy: number; 'accuracy-by-answer-type': Parts; 'accuracy-by-question-type': Parts }
    >('vqav2_corpus');
    const parts = (questions: Question[], by: 'answer_type' | 'question_type'): Parts =>
      Object.fromEntries(
        [...new Set(questions.map((question) => question[by]!))].map((type) => [
          type,
          vqaPercent(questions.filter((question) => question[by] === type).map(accuracy)),
        ]),
      );
    for (const { input, expected } of cases)
      expect({
        accuracy: vqaPercent(input.questions.map(accuracy)),
        'accuracy-by-answer-type': parts(input.questions, 'answer_type'),
        'accuracy-by-question-type': parts(input.questions, 'question_type'),
      }).toEqual(expected);
  });
});
