import { EvalsError } from '../errors.ts';
import type { ScoringMode } from '../types.ts';
import { pythonRound2 } from './python-text.ts';
import { fixedAnswer, officialPrediction, officialPunctuation } from './vqa-normalise.ts';

export interface VqaOptions {
  mode?: ScoringMode;
  /**
   * `official` only. False when annotations carry no answer ids: the reference then takes equal answers for the same annotator, so that ten of
   * ten matching answers score 0. Default true.
   */
  answerIds?: boolean;
}

/**
 * VQA accuracy of one question, 0 to 1: for each annotator min(1, matches among the *others* / 3), averaged (Antol et al. 2015).
 *
 * `fixed` (default) differs: both sides are normalised alike, and fewer than four answers are alternatives of which any match counts 1,
 * because leaving one out of them leaves too few to agree with.
 * @param answers one per annotator
 * @throws EvalsError EMPTY_SET without answers
 * @example vqaAccuracy('Red.', ['red']) // 1
 */
export function vqaAccuracy(prediction: string, answers: readonly string[], options: VqaOptions = {}): number {
  const { mode = 'fixed', answerIds = true } = options;
  if (answers.length === 0)
    throw new EvalsError('EMPTY_SET', 'VQA accuracy: expected at least one reference answer, got none.');
  if (mode === 'official')
    return agreement(officialPrediction(prediction), answers.map(officialPunctuation), answerIds);
  return fixedAgreement(fixedAnswer(prediction), answers.map(fixedAnswer));
}

/** {@link agreement}, where fewer than four normalised answers are alternatives. */
export function fixedAgreement(said: string, truths: readonly string[]): number {
  if (truths.length < 4) return truths.includes(said) ? 1 : 0;
  return agreement(said, truths);
}

/**
 * Mean over the annotators of min(1, matches among the others / 3), of normalised answers.
 * @param answerIds false: equal answers are taken for the same annotator
 */
export function agreement(said: string, truths: readonly string[], answerIds = true): number {
  let sum = 0;
  for (let i = 0; i < truths.length; i++) {
    let matches = 0;
    for (let j = 0; j < truths.length; j++) {
      const other = answerIds ? j !== i : truths[j] !== truths[i];
      if (other && truths[j] === said) matches++;
    }
    sum += Math.min(1, matches / 3);
  }
  return sum / truths.length;
}

/**
 * Accuracy of a set as the reference reports it: percent with two digits, ties to even (1 of 32 is 3.12).
 * @param accuracies of the questions, 0 to 1
 */
export function vqaPercent(accuracies: readonly number[]): number {
  if (accuracies.length === 0)
    throw new EvalsError('EMPTY_SET', 'VQA accuracy: expected at least one question, got none.');
  let sum = 0;
  for (const accuracy of accuracies) sum += accuracy;
  return pythonRound2((100 * sum) / accuracies.length);
}
