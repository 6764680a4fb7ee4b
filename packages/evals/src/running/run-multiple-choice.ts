import type { ContinuationScore, EvalModel, EvalProgress, EvalRow, TextItem } from '../types.ts';
import { inBatches, scoreContinuations } from './ask.ts';
import { checkTextItems } from './check-items.ts';

export interface TextOptions<Item> {
  /** Items per call of the model, default 16. */
  batchSize?: number;
  /** The prompt of an item. Default: its context. */
  format?: (item: Item) => string;
  /**
   * What decides: the sum of ln p (lm-evaluation-harness' `acc`), per character (`acc_norm`), or per token (llm-foundry and DCLM, which
   * compare perplexities). Default `sum`.
   */
  decideBy?: 'sum' | 'characters' | 'tokens';
  /** Called after every batch. */
  onProgress?: (progress: EvalProgress) => void;
}

/**
 * Multiple choice by log-likelihood, as lm-evaluation-harness counts it: `scores.acc` (the sum of ln p decides, the first of equals) and
 * `scores.accNorm` (ln p per character of the choice, without the space in front); `scores.accPerToken` as llm-foundry counts it. `score`
 * is the one that `decideBy` names.
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
    (item) => format(item).length + Math.max(...item.choices.map((choice) => choice.length)),
    async (batch) => {
      const scores = await scoreContinuations(
        model,
        batch.flatMap((item) => {
          return item.choices.map((continuation, i) => ({
            prompt: { text: item.contexts?.[i] ?? format(item) },
            continuation,
          }));
        }),
      );
      let at = 0;
      return batch.map((item) => {
        const own = item.choices.map(() => scores[at++]!);
        return choiceRow(item, item.contexts?.[item.answer] ?? format(item), own, options.decideBy);
      });
    },
    (done) => options.onProgress?.({ task: items[done - 1]!.task, condition: 'text', done, total: items.length }),
  );
}

function choiceRow(
  item: TextItem,
  prompt: string,
  own: readonly ContinuationScore[],
  decideBy: NonNullable<TextOptions<TextItem>['decideBy']> = 'sum',
): EvalRow {
  const characters = (i: number): number => [...item.choices[i]!.trimStart()].length;
  const ranked = {
    sum: own.map(({ logProb }) => logProb),
    characters: own.map(({ logProb }, i) => logProb / Math.max(1, characters(i))),
    tokens: own.map(({ logProb, tokens }) => logProb / Math.max(1, tokens)),
  };
  const right = (by: keyof typeof ranked): number => (firstBest(ranked[by]) === item.answer ? 1 : 0);
  const said = firstBest(ranked[decideBy]);
  const rival = Math.max(...ranked[decideBy].filter((_, i) => i !== item.answer));
  const ownRank = ranked[decideBy][item.answer]!;
  // Where the contexts differ it is the context that is chosen.
  const words = item.contexts ?? item.choices;
  return {
    id: item.id,
    task: item.task,
    ...(item.suite === undefined ? {} : { suite: item.suite }),
    split: 'test',
    type: item.type ?? 'choice',
    condition: 'text',
    prompt,
    output: words[said]!,
    expected: words[item.answer]!,
    score: said === item.answer ? 1 : 0,
    scores: { acc: right('sum'), accNorm: right('characters'), accPerToken: right('tokens') },
    margin: ownRank === rival ? 0 : ownRank - rival,
    chance: 1 / item.choices.length,
  };
}

function firstBest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
