/** Yes/no answers as words, and what a set of them says. */
import { EvalsError } from '../errors.ts';

/**
 * The first word of an answer if it is a yes or a no.
 * @example parseYesNo(' Yes, there is.') // 'yes'
 */
export function parseYesNo(text: string): 'yes' | 'no' | undefined {
  const word = /^[^\p{L}]*([\p{L}]+)/u.exec(text)?.[1]?.toLowerCase();
  return word === 'yes' || word === 'no' ? word : undefined;
}

export interface YesNoMetrics {
  n: number;
  accuracy: number;
  /** Of "yes"; 0 where nothing was answered yes. */
  precision: number;
  recall: number;
  f1: number;
  /** Share of answers that are yes. */
  shareOfYes: number;
}

/**
 * Accuracy, precision, recall, F1 (of yes) and share of yes, as POPE reports them (Li et al. 2023). An answer that is neither is wrong and no yes.
 * @throws EvalsError EMPTY_SET
 */
export function yesNoMetrics(
  answers: readonly { said: 'yes' | 'no' | undefined; truth: 'yes' | 'no' }[],
): YesNoMetrics {
  if (answers.length === 0)
    throw new EvalsError('EMPTY_SET', 'Yes/no metrics: expected at least one answer, got none.');
  let right = 0;
  let yes = 0;
  let rightYes = 0;
  let trueYes = 0;
  for (const { said, truth } of answers) {
    if (said === truth) right++;
    if (said === 'yes') yes++;
    if (truth === 'yes') trueYes++;
    if (said === 'yes' && truth === 'yes') rightYes++;
  }
  const precision = yes === 0 ? 0 : rightYes / yes;
  const recall = trueYes === 0 ? 0 : rightYes / trueYes;
  return {
    n: answers.length,
    accuracy: right / answers.length,
    precision,
    recall,
    f1: rightYes === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    shareOfYes: yes / answers.length,
  };
}
