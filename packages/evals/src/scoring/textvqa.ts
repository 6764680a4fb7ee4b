/** TextVQA as M4C's evaluator scores it (vlm-evaluation `m4c_evaluators.py`). */
import { EvalsError } from '../errors.ts';
import { pythonStrip } from './python-text.ts';
import { agreement } from './vqa-accuracy.ts';
import { officialPunctuation, officialWords } from './vqa-normalise.ts';

/** `word_tokenize` of the reference: lower case, no commas and question marks, `'s` apart. */
export function textVqaTokens(text: string): string {
  return pythonStrip(text.toLowerCase().replaceAll(',', '').replaceAll('?', '').replaceAll("'s", " 's"));
}

/** The whole normalisation, for predictions and answers alike. */
export function textVqaNormalise(text: string): string {
  const plain = pythonStrip(textVqaTokens(text).replaceAll('\n', ' ').replaceAll('\t', ' '));
  return officialWords(officialPunctuation(plain));
}

/**
 * What each distinct answer is worth: for each of the ten annotators who may be left out, min(1, matches among the other nine / 3), averaged.
 * @param answers exactly ten
 * @throws EvalsError INVALID_ITEM for another number
 */
export function textVqaAnswerScores(answers: readonly string[]): Map<string, number> {
  if (answers.length !== 10)
    throw new EvalsError('INVALID_ITEM', `TextVQA: expected ten reference answers, got ${answers.length}.`);
  const truths = answers.map(textVqaNormalise);
  return new Map([...new Set(truths)].map((answer) => [answer, agreement(answer, truths)]));
}

/**
 * TextVQA accuracy of one question, 0 to 1.
 * @example textVqaAccuracy('Nike', new Array(10).fill('nike')) // 1
 */
export function textVqaAccuracy(prediction: string, answers: readonly string[]): number {
  return textVqaAnswerScores(answers).get(textVqaNormalise(prediction)) ?? 0;
}
