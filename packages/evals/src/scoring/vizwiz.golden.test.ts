import { describe, expect, it } from 'vitest';
import { failures, goldenCases } from '../testing/golden.ts';
import { pythonRound2 } from './python-text.ts';
import { vizwizAccuracy, vizwizAnswerable, vizwizPrediction, vizwizScore } from './vizwiz.ts';

interface Question {
  prediction: string;
  answers: string[];
}

describe('VizWiz', () => {
  it('scores questions as the reference', () => {
    const cases = goldenCases<
      Question,
      { normalized_prediction: string; accuracy_percent_2dp: number; predicted_answerable: number }
    >('vizwiz_question');
    expect(
      failures(
        cases,
        ({ prediction }) => vizwizPrediction(prediction),
        (value) => value.normalized_prediction,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ prediction, answers }) => pythonRound2(100 * vizwizAccuracy(prediction, answers)),
        (value) => value.accuracy_percent_2dp,
      ),
    ).toEqual([]);
    expect(
      failures(
        cases,
        ({ prediction }) => Number(vizwizAnswerable(prediction)),
        (value) => value.predicted_answerable,
      ),
    ).toEqual([]);
  });

  it('scores sets', () => {
    const cases = goldenCases<
      { questions: (Question & { answerable: number })[] },
      { overall: number; average_precision: number; f1_score: number }
    >('vizwiz_corpus');
    for (const { input, expected } of cases)
      expect(vizwizScore(input.questions.map((one) => ({ ...one, answerable: one.answerable === 1 })))).toEqual({
        accuracy: expected.overall,
        averagePrecision: expected.average_precision,
        f1: expected.f1_score,
      });
  });
});
