/** VizWiz as the paper's evaluation scores it (vlm-evaluation `util/evaluation/vizwiz/eval.py`). Not part of the stable score. */
import { EvalsError } from '../errors.ts';
import { averagePrecision } from './curves.ts';
import { pythonRound2 } from './python-text.ts';
import { agreement, vqaPercent } from './vqa-accuracy.ts';
import { officialPrediction, plainWords, repairedContraction } from './vqa-normalise.ts';

/** The reference's table has a backtick where an apostrophe belongs, but for these; forms with two are mostly out of its reach. */
const withApostrophe = new Set(["ain't", "aren't", "can't", "could've", "couldn't", "we've", "where's", "who've"]);

/** A prediction as the reference compares it: `hes` becomes `he\`s`, which no annotator writes. */
export function vizwizPrediction(text: string): string {
  return officialPrediction(text, (plain) =>
    plainWords(plain, (word) => {
      const form = repairedContraction(word);
      if (form === undefined || withApostrophe.has(form)) return form ?? word;
      return !word.includes("'") || word === "couldn'tve" || word === "hadn'tve" ? form.replaceAll("'", '`') : word;
    }),
  );
}

/**
 * Accuracy of one question, 0 to 1: VQA's, but the annotators' answers stay as they are written.
 * @example vizwizAccuracy('Yes.', new Array(10).fill('yes')) // 1
 */
export function vizwizAccuracy(prediction: string, answers: readonly string[]): number {
  if (answers.length === 0)
    throw new EvalsError('EMPTY_SET', 'VizWiz accuracy: expected at least one reference answer, got none.');
  return agreement(vizwizPrediction(prediction), answers);
}

/** Does the prediction claim that there is an answer? */
export function vizwizAnswerable(prediction: string): boolean {
  return vizwizPrediction(prediction) !== 'unanswerable';
}

/**
 * Accuracy of a set, and average precision and F1 of finding the unanswerable questions; all in percent with two digits.
 * @throws EvalsError EMPTY_SET
 */
export function vizwizScore(
  questions: readonly { prediction: string; answers: readonly string[]; answerable: boolean }[],
): { accuracy: number; averagePrecision: number; f1: number } {
  const accuracy = vqaPercent(questions.map(({ prediction, answers }) => vizwizAccuracy(prediction, answers)));
  const said = questions.map(({ prediction }) => !vizwizAnswerable(prediction));
  const truths = questions.map(({ answerable }) => !answerable);
  const right = said.filter((one, i) => one && truths[i]).length;
  const all = said.filter(Boolean).length + truths.filter(Boolean).length;
  return {
    accuracy,
    averagePrecision: pythonRound2(100 * averagePrecision(said.map(Number), truths)),
    f1: pythonRound2(all === 0 ? 0 : (100 * 2 * right) / all),
  };
}
