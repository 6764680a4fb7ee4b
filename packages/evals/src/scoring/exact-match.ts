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
