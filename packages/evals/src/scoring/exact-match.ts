import { EvalsError } from '../errors.ts';
import { vqaPercent } from './vqa-accuracy.ts';
import { fixedAnswer } from './vqa-normalise.ts';

const asciiPunctuation = /[!-/:-@[-`{-~]/g;

/** GQA's normalisation of a prediction (vlm-evaluation `gqa.py`): ASCII punctuation goes, lower case; nothing is trimmed. */
export function gqaPrediction(text: string): string {
  return text.replace(asciiPunctuation, '').toLowerCase();
}

/**
 * GQA's exact match. `official` (the default) does not normalise the gold answer, so `t-shirt` never matches; `fixed` treats both alike.
 * @returns 1 or 0
 * @example gqaExactMatch('Red.', 'red') // 1
 */
export function gqaExactMatch(prediction: string, gold: string, mode: 'official' | 'fixed' = 'official'): number {
  return (mode === 'official' ? gqaPrediction(prediction) === gold : fixedAnswer(prediction) === fixedAnswer(gold))
    ? 1
    : 0;
}

/**
 * GQA's accuracy of a set: percent of the balanced questions, two digits, ties to even.
 * @throws EvalsError INVALID_ITEM where a question, balanced or not, has no prediction; EMPTY_SET without balanced questions
 */
export function gqaPercent(
  questions: readonly { prediction: string | undefined; gold: string; balanced: boolean }[],
  mode: 'official' | 'fixed' = 'official',
): number {
  const scores = questions.map(({ prediction, gold }, i) => {
    if (prediction === undefined)
      throw new EvalsError('INVALID_ITEM', `GQA: question ${i} has no prediction; every question needs one.`);
    return gqaExactMatch(prediction, gold, mode);
  });
  return vqaPercent(scores.filter((_, i) => questions[i]!.balanced));
}
