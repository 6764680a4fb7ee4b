/** Free answers: VQAv2, GQA, TextVQA and VizWiz of vlm-evaluation. */
import { gqaExactMatch, gqaPercent, gqaPrediction } from '../scoring/exact-match.ts';
import { pythonRound2 } from '../scoring/python-text.ts';
import { textVqaAccuracy, textVqaAnswerScores, textVqaNormalise, textVqaTokens } from '../scoring/textvqa.ts';
import { vizwizAccuracy, vizwizAnswerable, vizwizPrediction, vizwizScore } from '../scoring/vizwiz.ts';
import { vqaAccuracy, vqaPercent } from '../scoring/vqa-accuracy.ts';
import { officialPrediction, officialPunctuation, officialWords } from '../scoring/vqa-normalise.ts';
import { type AgreementCheck, check, refused } from './agreement-check.ts';

interface VqaQuestion {
  prediction: string;
  answers: string[];
  answer_ids?: boolean;
  answer_type?: string;
  question_type?: string;
}

const vqa = ({ prediction, answers, answer_ids = true }: VqaQuestion): number =>
  vqaAccuracy(prediction, answers, { mode: 'official', answerIds: answer_ids });

function vqaParts(questions: VqaQuestion[], by: 'answer_type' | 'question_type'): Record<string, number> {
  const types = [...new Set(questions.map((question) => question[by]!))];
  return Object.fromEntries(
    types.map((type) => [type, vqaPercent(questions.filter((question) => question[by] === type).map(vqa))]),
  );
}

interface TextVqaQuestion {
  pred_answer: string;
  gt_answers: string[];
}

export const answerChecks: readonly AgreementCheck[] = [
  check<{ text: string }, Record<'prediction' | 'ground_truth' | 'digits_articles_contractions_only', string>>({
    metric: 'VQAv2: normalised prediction and ground truth',
    file: 'vqav2_normalize',
    got: ({ text }) => [officialPrediction(text), officialPunctuation(text), officialWords(text)],
    expected: (value) => [value.prediction, value.ground_truth, value.digits_articles_contractions_only],
  }),
  check<VqaQuestion, { accuracy: number; normalized_prediction: string; normalized_answers: string[] }>({
    metric: 'VQAv2: accuracy of a question',
    file: 'vqav2_question',
    got: (input) => [vqa(input), officialPrediction(input.prediction), input.answers.map(officialPunctuation)],
    expected: (value) => [value.accuracy, value.normalized_prediction, value.normalized_answers],
  }),
  check<{ questions: VqaQuestion[] }, Record<string, unknown>>({
    metric: 'VQAv2: a set, by answer and question type',
    file: 'vqav2_corpus',
    got: ({ questions }) => ({
      accuracy: vqaPercent(questions.map(vqa)),
      'accuracy-by-answer-type': vqaParts(questions, 'answer_type'),
      'accuracy-by-question-type': vqaParts(questions, 'question_type'),
    }),
    expected: (value) => value,
  }),
  check<{ model_output: string; gold: string }, { normalized: string; correct: boolean }>({
    metric: 'GQA: normalised answer and match',
    file: 'gqa_normalize',
    got: ({ model_output, gold }) => [gqaPrediction(model_output), gqaExactMatch(model_output, gold) === 1],
    expected: (value) => [value.normalized, value.correct],
  }),
  check<
    { questions: { model_output: string; gold: string; isBalanced: boolean }[]; missing_indices: number[] },
    { accuracy?: number }
  >({
    metric: 'GQA: a set of balanced questions',
    file: 'gqa_corpus',
    got: ({ questions, missing_indices }) =>
      gqaPercent(
        questions.map(({ model_output, gold, isBalanced }, i) => ({
          prediction: missing_indices.includes(i) ? undefined : model_output,
          gold,
          balanced: isBalanced,
        })),
      ),
    expected: (value) => value.accuracy ?? refused,
  }),
  check<{ text: string }, { normalized: string; word_tokenize: string }>({
    metric: 'TextVQA: normalised answer',
    file: 'textvqa_normalize',
    got: ({ text }) => [textVqaNormalise(text), textVqaTokens(text)],
    expected: (value) => [value.normalized, value.word_tokenize],
  }),
  check<TextVqaQuestion, { accuracy?: number; answer_scores: Record<string, number>; normalized_prediction: string }>({
    metric: 'TextVQA: accuracy of a question',
    file: 'textvqa_question',
    got: ({ pred_answer, gt_answers }) => [
      textVqaAccuracy(pred_answer, gt_answers),
      Object.fromEntries(textVqaAnswerScores(gt_answers)),
      textVqaNormalise(pred_answer),
    ],
    expected: (value) =>
      value.accuracy === undefined ? refused : [value.accuracy, value.answer_scores, value.normalized_prediction],
  }),
  check<{ predictions: TextVqaQuestion[] }, { accuracy: number }>({
    metric: 'TextVQA: a set',
    file: 'textvqa_corpus',
    got: ({ predictions }) =>
      predictions.reduce((sum, { pred_answer, gt_answers }) => sum + textVqaAccuracy(pred_answer, gt_answers), 0) /
      predictions.length,
    expected: (value) => value.accuracy,
  }),
  check<VqaQuestion, { normalized_prediction: string; accuracy_percent_2dp: number; predicted_answerable: number }>({
    metric: 'VizWiz: accuracy of a question',
    file: 'vizwiz_question',
    got: ({ prediction, answers }) => [
      vizwizPrediction(prediction),
      pythonRound2(100 * vizwizAccuracy(prediction, answers)),
      Number(vizwizAnswerable(prediction)),
    ],
    expected: (value) => [value.normalized_prediction, value.accuracy_percent_2dp, value.predicted_answerable],
  }),
  check<
    { questions: (VqaQuestion & { answerable: number })[] },
    { overall: number; average_precision: number; f1_score: number }
  >({
    metric: 'VizWiz: a set, unanswerable questions',
    file: 'vizwiz_corpus',
    got: ({ questions }) => vizwizScore(questions.map((one) => ({ ...one, answerable: one.answerable === 1 }))),
    expected: (value) => ({ accuracy: value.overall, averagePrecision: value.average_precision, f1: value.f1_score }),
  }),
];
