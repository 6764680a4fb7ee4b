import type { ContinuationScore, EvalModel, EvalPrompt } from '@vlm/evals';
import type { Generator } from '@vlm/model';
import { answerEnd, conversationPrompt, type Tokenizer } from '@vlm/tokenizer';
import type { FeatureTable } from './features.ts';

export interface EvalModelOptions {
  generator: Generator;
  tokenizer: Tokenizer;
  /** Most tokens of a prompt and its continuation. */
  maxLength: number;
}

/** Texts whose context was longer than the model's window and lost its beginning. */
export interface Truncations {
  contexts: number;
}

/**
 * A model that answers the way it was fine-tuned: the prompt is a human turn, with the picture in front. A picture's handle is its key
 * in the feature table, or its features.
 */
export function conversationModel(
  options: EvalModelOptions,
  features: Pick<FeatureTable, 'patches' | 'of'>,
): EvalModel<string | Float32Array> {
  const { generator, tokenizer } = options;
  const encode = ({
    text,
    image,
  }: EvalPrompt<string | Float32Array>): { tokens: Int32Array; patches?: Float32Array } => {
    const value = image === undefined ? text : `<image>\n${text}`;
    const tokens = conversationPrompt(tokenizer, [{ from: 'human', value }], {
      patches: features.patches,
      images: image === undefined ? 0 : 1,
    });
    return image === undefined
      ? { tokens }
      : { tokens, patches: typeof image === 'string' ? features.of(image) : image };
  };
  return {
    async generate(prompts, { maxNewTokens }) {
      const answers = await generator.generate(prompts.map(encode), {
        maxNewTokens,
        stopIds: [answerEnd(tokenizer)],
        allowedVocab: tokenizer.vocabSize,
      });
      return answers.map((ids) => tokenizer.decode(ids, { specials: 'skip' }).trim());
    },
    logLikelihood: (requests) =>
      scoreContinuations(
        options,
        requests.map(({ prompt, continuation }) => ({ ...encode(prompt), continuation })),
      ),
  };
}

/**
 * A model that continues plain text behind one `<|endoftext|>`. What does not fit its window is scored in pieces, each behind as much of the
 * text before it as fits.
 */
export function textModel(options: EvalModelOptions): EvalModel<never> {
  const { generator, tokenizer, maxLength } = options;
  const behindEot = (text: string): Int32Array => behind(tokenizer, text);
  return {
    async generate(prompts, { maxNewTokens }) {
      const answers = await generator.generate(
        prompts.map(({ text }) => ({ tokens: behindEot(text).slice(-(maxLength - maxNewTokens)) })),
        { maxNewTokens, stopIds: [tokenizer.eot], allowedVocab: tokenizer.vocabSize },
      );
      return answers.map((ids) => tokenizer.decode(ids, { specials: 'skip' }));
    },
    logLikelihood: (requests) =>
      scoreContinuations(
        options,
        requests.map(({ prompt, continuation }) => ({ tokens: behindEot(prompt.text), continuation })),
      ),
  };
}

/** Counts the texts of a {@link textModel} whose first piece does not see the whole context, whether they are asked or remembered. */
export function countingTruncations(
  model: EvalModel<never>,
  { tokenizer, maxLength }: EvalModelOptions,
  truncations: Truncations,
): EvalModel<never> {
  return {
    generate: (...request) => model.generate(...request),
    logLikelihood(requests) {
      for (const { prompt, continuation } of requests) {
        const from = behind(tokenizer, prompt.text).length;
        const [first] = windows(from, from + tokenizer.encode(continuation).length, maxLength);
        if (first!.start > 0) truncations.contexts++;
      }
      return model.logLikelihood(requests);
    },
  };
}

const behind = (tokenizer: Tokenizer, text: string): Int32Array =>
  Int32Array.from([tokenizer.eot, ...tokenizer.encode(text)]);

interface ScoredRequest {
  tokens: Int32Array;
  patches?: Float32Array;
  continuation: string;
}

async function scoreContinuations(
  { generator, tokenizer, maxLength }: EvalModelOptions,
  requests: ScoredRequest[],
): Promise<ContinuationScore[]> {
  const pieces = requests.flatMap(({ tokens, patches, continuation }, request) => {
    const whole = Int32Array.from([...tokens, ...tokenizer.encode(continuation)]);
    const cuts = windows(tokens.length, whole.length, maxLength);
    return cuts.map(({ start, from, end }) => ({
      request,
      tokens: whole.slice(start, end),
      from: from - start,
      ...(patches ? { patches } : {}),
    }));
  });
  const sums = await generator.logLikelihood(pieces);
  const logProbs = new Float64Array(requests.length);
  pieces.forEach(({ request }, i) => {
    logProbs[request]! += sums[i]!;
  });
  return requests.map(({ continuation }, i) => ({
    logProb: logProbs[i]!,
    tokens: tokenizer.encode(continuation).length,
    bytes: Buffer.byteLength(continuation),
  }));
}

/** Cuts positions `from … length − 1` into pieces that, with what stands before them, fit a window. */
export function windows(
  from: number,
  length: number,
  maxLength: number,
): { start: number; from: number; end: number }[] {
  if (length <= maxLength) return [{ start: 0, from, end: length }];
  const stride = Math.max(1, Math.min(length - from, Math.floor(maxLength / 2)));
  const cuts: { start: number; from: number; end: number }[] = [];
  for (let at = from; at < length; at += stride) {
    const end = Math.min(length, at + stride);
    cuts.push({ start: Math.max(0, end - maxLength), from: at, end });
  }
  return cuts;
}
