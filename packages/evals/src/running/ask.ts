/** Asking in batches, with a look at what comes back. */
import { EvalsError } from '../errors.ts';
import type { ContinuationScore, EvalModel, EvalPrompt } from '../types.ts';

/**
 * A model answers a batch at a time; rows come back in the order of the questions, whatever the batch size. The longest are asked first,
 * so that those asked together need little padding, and what does not fit into memory shows at once.
 * @param lengthOf anything that grows with the work that an input is
 */
export async function inBatches<In, Out>(
  inputs: readonly In[],
  batchSize: number,
  lengthOf: (input: In) => number,
  answer: (batch: In[]) => Promise<Out[]>,
  done: (count: number) => void,
): Promise<Out[]> {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new EvalsError('INVALID_OPTION', `batchSize: expected a positive integer, got ${batchSize}.`);
  const lengths = inputs.map(lengthOf);
  const order = inputs.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const outputs = new Array<Out>(inputs.length);
  for (let i = 0; i < order.length; i += batchSize) {
    const places = order.slice(i, i + batchSize);
    const answers = await answer(places.map((place) => inputs[place]!));
    places.forEach((place, at) => {
      outputs[place] = answers[at]!;
    });
    done(i + places.length);
  }
  return outputs;
}

/** `generate`, where as many texts must come back as prompts went in. */
export async function generateTexts<Image>(
  model: EvalModel<Image>,
  prompts: EvalPrompt<Image>[],
  maxNewTokens: number,
): Promise<string[]> {
  const texts = await model.generate(prompts, { maxNewTokens });
  if (texts.length !== prompts.length || texts.some((text) => typeof text !== 'string'))
    throw new EvalsError(
      'BAD_MODEL_OUTPUT',
      `generate: expected ${prompts.length} texts, got ${texts.length} values${texts.length === prompts.length ? ' that are not all texts' : ''}.`,
    );
  return texts;
}

/** `logLikelihood`, where every value must be a log-probability. */
export async function scoreContinuations<Image>(
  model: EvalModel<Image>,
  requests: { prompt: EvalPrompt<Image>; continuation: string }[],
): Promise<ContinuationScore[]> {
  const scores = await model.logLikelihood(requests);
  if (scores.length !== requests.length)
    throw new EvalsError(
      'BAD_MODEL_OUTPUT',
      `logLikelihood: expected ${requests.length} values, got ${scores.length}.`,
    );
  scores.forEach((score, i) => {
    if (isContinuationScore(score)) return;
    throw new EvalsError(
      'BAD_MODEL_OUTPUT',
      `logLikelihood: expected { logProb, tokens, bytes } with logProb ≤ 0 and whole numbers of at least 1 for ` +
        `${JSON.stringify(requests[i]!.continuation)}, got ${shown(score)}.`,
    );
  });
  return scores;
}

/** Is it a log-probability with the lengths of what it is of? */
export function isContinuationScore(score: unknown): score is ContinuationScore {
  const { logProb, tokens, bytes } = (score ?? {}) as Partial<ContinuationScore>;
  const areWhole = [tokens, bytes].every((count) => Number.isSafeInteger(count) && count! >= 1);
  // Rounding may lift a certain token a little above 0.
  return areWhole && typeof logProb === 'number' && logProb <= 1e-3 * tokens!;
}

/** JSON, with the numbers that it has no words for. */
const shown = (value: unknown): string =>
  JSON.stringify(value, (_, inner) => (typeof inner === 'number' && !Number.isFinite(inner) ? `${inner}` : inner)) ??
  'nothing';
