import type { EvalModel, EvalProgress, EvalRow, TextItem } from '../types.ts';
import { inBatches, scoreContinuations } from './ask.ts';
import { checkTextItems } from './check-items.ts';

export interface TextOptions<Item> {
  /** Items per call of the model, default 16. */
  batchSize?: number;
  /** The prompt of an item. Default: its context. */
  format?: (item: Item) => string;
  /** Called after every batch. */
  onProgress?: (progress: EvalProgress) => void;
}

/**
 * Multiple choice by log-likelihood, as lm-evaluation-harness counts it: `score` is its `acc` (the sum of ln p decides, the first of equals),
 * `scores.accNorm` its `acc_norm` (ln p per character of the choice, without the space in front).
 * @param items choices are continuations of the context, their leading space included
 * @returns one row per item, condition `text`; `margin` in nats
 * @throws EvalsError EMPTY_SET, DUPLICATE_ID, INVALID_ITEM, BAD_MODEL_OUTPUT, INVALID_OPTION
 * @example const rows = await runMultipleChoice(model, items);
 */
export async function runMultipleChoice<Image>(
  model: EvalModel<Image>,
  items: readonly TextItem[],
  options: TextOptions<TextItem> = {},
): Promise<EvalRow[]> {
  checkTextItems(items);
  const { batchSize = 16, format = (item: TextItem) => item.context } = options;
  return inBatches(
    items,
    batchSize,
    async (batch) => {
      const scores = await scoreContinuations(
        model,
        batch.flatMap((item) => {
          const prompt = { text: format(item) };
          return item.choices.map((continuation) => ({ prompt, continuation }));
        }),
      );
      let at = 0;
      return batch.map((item) => {
        const logProbs = item.choices.map(() => scores[at++]!.logProb);
        return choiceRow(item, format(item), logProbs);
      });
    },
    (done) => options.onProgress?.({ task: items[done - 1]!.task, condition: 'text', done, total: items.length }),
  );
}

function choiceRow(item: TextItem, prompt: string, logProbs: readonly number[]): EvalRow {
  const said = firstBest(logProbs);
  const perCharacter = logProbs.map((logProb, i) => logProb / Math.max(1, [...item.choices[i]!.trimStart()].length));
  const right = logProbs[item.answer]!;
  const rival = Math.max(...logProbs.filter((_, i) => i !== item.answer));
  return {
    id: item.id,
    task: item.task,
    split: 'test',
    type: 'choice',
    condition: 'text',
    prompt,
    output: item.choices[said]!,
    expected: item.choices[item.answer]!,
    score: said === item.answer ? 1 : 0,
    scores: { accNorm: firstBest(perCharacter) === item.answer ? 1 : 0 },
    margin: right === rival ? 0 : right - rival,
    chance: 1 / item.choices.length,
  };
}

function firstBest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
