import type { Engine, Forward, NamedArrays, NamedTensors, Signature } from '@vlm/jit';
import { hiddenScore } from './attend.ts';
import {
  decodeSignature,
  decodeStep,
  KeyValueCache,
  type NextOutput,
  prefill,
  prefillSignature,
  promptSignature,
} from './cached-decoding.ts';
import { decoderTables } from './decoder.ts';
import { encodePromptImages } from './encode-prompts.ts';
import { hiddenStates, type ScoredPosition, scoreTargets, scoringChunks, scoringSignature } from './log-likelihood.ts';
import { ModelError } from './model-error.ts';
import { checkParameters, type ParameterArrays } from './parameters.ts';
import { batchPrompts, fittingLength, type Prompt, type PromptBatch } from './prompt-batches.ts';
import { createRandom, type Random } from './random.ts';
import { checkSampling, type SamplingOptions, sampleToken } from './sample-token.ts';
import { checkInteger } from './validate.ts';
import { type VlmConfig, vlmParams } from './vlm.ts';

export interface GeneratorOptions {
  config: VlmConfig;
  /** Trained weights, by the names of `vlmParams(config)`. Copied when a graph is compiled. */
  params: ParameterArrays;
  engine: Engine;
  /** Prompts that run together. */
  batchSize: number;
  /** Most positions of a prompt and what is generated behind it (default: the decoder's sequence length). */
  maxLength?: number;
  /** Id of the placeholder that stands for one patch; needed for prompts with images. */
  imageToken?: number;
  /** Only ids below this are generated: the tokenizer's size, where the decoder's vocabulary is padded (default: no padding). */
  allowedVocab?: number;
}

export interface GenerateOptions {
  maxNewTokens: number;
  /** Generation of a row ends before one of these; they are not returned. */
  stopIds?: readonly number[];
  /** In place of the generator's own `allowedVocab`. */
  allowedVocab?: number;
  /** Draw tokens; absent: always the most likely one. */
  sampling?: SamplingOptions;
}

/** One token as it comes. */
export interface GeneratedToken {
  /** Index of its prompt. */
  prompt: number;
  token: number;
}

export interface ScoreRequest extends Prompt {
  /** First scored token; at least 1, as token 0 has nothing before it. */
  from: number;
}

export interface Generator {
  /** The continuation of every prompt, in the order of the prompts. */
  generate(prompts: readonly Prompt[], options: GenerateOptions): Promise<Int32Array[]>;
  /** The same tokens one by one, as soon as they are known; stop reading to stop generating. */
  stream(prompts: readonly Prompt[], options: GenerateOptions): AsyncGenerator<GeneratedToken, void>;
  /** For every request the sum of ln p(tokens[i] | tokens before i) over i ≥ from. */
  logLikelihood(requests: readonly ScoreRequest[]): Promise<Float64Array>;
  dispose(): Promise<void>;
}

/**
 * Batched generation with a key-value cache, greedy or sampled, and batched log-likelihoods.
 *
 * Prompts are sorted by length and padded to one of five lengths, their patches to one of two numbers for each doubling (4, 6, 8, 12, …), so that
 * a handful of graphs serve any set of prompts. Graphs are compiled when first used. A prompt's result does not depend on the others beyond rounding of floats; drawn tokens come from the seed and
 * the prompt's index alone, whatever the batch size.
 *
 * @throws ModelError where parameters do not fit the configuration; from its methods INVALID_INPUT for prompts that do not, NOT_FINITE for
 * logits that are not
 * @example
 * const generator = createGenerator({ config, params, engine: onnxEngine(), batchSize: 64, imageToken: 2 });
 * const [answer] = await generator.generate([{ tokens }], { maxNewTokens: 6, stopIds: [0], allowedVocab: 2040 });
 * for await (const { token } of generator.stream([{ tokens }], { maxNewTokens: 99, sampling: { seed: 1, topP: 0.9 } })) show(token);
 */
export function createGenerator(options: GeneratorOptions): Generator {
  const { config, params, engine, batchSize, imageToken } = options;
  checkInteger('generator', 'batchSize', batchSize);
  const maxLength = checkInteger('generator', 'maxLength', options.maxLength ?? config.decoder.sequenceLength, 2);
  checkParameters(vlmParams(config), params);
  const lengths = [...new Set([2, 3, 4, 6, 8].map((n) => Math.min(maxLength, 8 * Math.ceil((maxLength * n) / 64))))];
  const shapes = { batchSize, lengths, ...(imageToken === undefined ? {} : { imageToken }) };
  const graphs = new Map<string, Promise<Forward>>();
  const ownAllowed = checkAllowed('generator', options.allowedVocab ?? config.decoder.vocabSize);

  function graph(
    key: string,
    fn: (constants: NamedTensors, inputs: NamedTensors) => NamedTensors,
    inputs: Signature,
  ): Promise<Forward> {
    const known = graphs.get(key);
    if (known) return known;
    const isUsed = (name: string): boolean => {
      if ('images_MSS3' in inputs) return name.startsWith('encoder.');
      if ('hidden_MD' in inputs) return name === decoderTables(config.decoder).head;
      return !name.startsWith('encoder.') && ('patches_NF' in inputs || !name.startsWith('projector.'));
    };
    const used = Object.entries(vlmParams(config)).filter(([name]) => isUsed(name));
    const constants = Object.fromEntries(
      used.map(([name, { shape, dtype }]) => [name, { spec: { shape, dtype }, data: params[name]! }]),
    );
    const compiled = engine.compileForward(fn, { constants, inputs });
    graphs.set(key, compiled);
    return compiled;
  }

  /** One round of new tokens at a time. */
  async function* generateBatch(
    prompts: readonly Prompt[],
    batch: PromptBatch,
    rules: Rules,
  ): AsyncGenerator<GeneratedToken[], void> {
    const { length, patches, indices } = batch;
    const { limit, stopIds, bias_V, want } = rules;
    const rowLengths = Array.from({ length: batchSize }, (_, row) => prompts[indices[row] ?? -1]?.tokens.length ?? 1);
    const shape = { batch: batchSize, length, patches };
    const first = await graph(
      `prefill ${want} ${length} ${patches}`,
      (constants, inputs) => prefill(config, constants, inputs, want),
      prefillSignature(config, shape),
    );
    const last_B = Int32Array.from(rowLengths, (n, row) => row * length + n - 1);
    let outputs = await first.run({ ...batch.inputs, last_B, bias_V });

    const slots = fittingLength(lengths, Math.max(...rowLengths) + limit);
    let cache: KeyValueCache | undefined;
    const open = new Set(indices.keys());
    const choose = tokenChooser(rules, indices);
    for (let step = 1; ; step++) {
      const token_B1 = choose(outputs, open, batchSize);
      for (const row of open) if (stopIds.has(token_B1[row]!)) open.delete(row);
      if (open.size > 0) yield Array.from(open, (row) => ({ prompt: indices[row]!, token: token_B1[row]! }));
      if (open.size === 0 || step === limit) return;
      if (cache) cache.append(outputs);
      else cache = new KeyValueCache(config.decoder, slots, outputs, length, rowLengths);
      const next = await graph(
        `decode ${want} ${slots}`,
        (constants, inputs) => decodeStep(config.decoder, constants, inputs, want),
        decodeSignature(config.decoder, batchSize, slots),
      );
      outputs = await next.run({ ...cache.inputs(), token_B1, bias_V });
    }
  }

  async function* generateAll(
    prompts: readonly Prompt[],
    options: GenerateOptions,
  ): AsyncGenerator<GeneratedToken[], void> {
    const { maxNewTokens, stopIds = [], allowedVocab = ownAllowed, sampling } = options;
    const limit = checkInteger('generate', 'maxNewTokens', maxNewTokens);
    checkAllowed('generate', allowedVocab);
    const bias_V = new Float32Array(config.decoder.vocabSize).fill(hiddenScore, allowedVocab);
    const rules: Rules = {
      limit,
      stopIds: new Set(stopIds),
      bias_V,
      allowedVocab,
      ...(sampling ? { want: 'logits', sampling: checkSampling(sampling) } : { want: 'token' }),
    };
    const read = await withFeatures(prompts);
    for (const batch of batchPrompts(config, read, shapes, limit)) yield* generateBatch(read, batch, rules);
  }

  function checkAllowed(owner: string, allowedVocab: number): number {
    if (checkInteger(owner, 'allowedVocab', allowedVocab) <= config.decoder.vocabSize) return allowedVocab;
    throw new ModelError(
      'INVALID_INPUT',
      `${owner}.allowedVocab: expected at most the vocabulary ${config.decoder.vocabSize}, got ${allowedVocab}.`,
    );
  }

  /** Prompts whose pictures have become features. */
  function withFeatures<P extends Prompt>(prompts: readonly P[]): Promise<readonly P[]> {
    return encodePromptImages(config, prompts, batchSize, graph);
  }

  async function scoreBatch(requests: readonly ScoreRequest[], batch: PromptBatch): Promise<number[]> {
    const { length, patches, indices } = batch;
    const positions = indices.flatMap((index, row): ScoredPosition[] => {
      const { tokens, from } = requests[index]!;
      return Array.from(tokens.subarray(from), (target, i) => ({ row: row * length + from + i - 1, target }));
    });
    const states = await graph(
      `hidden ${length} ${patches}`,
      (constants, inputs) => hiddenStates(config, constants, inputs),
      promptSignature(config, { batch: batchSize, length, patches }),
    );
    const hidden_ND = (await states.run(batch.inputs))['hidden_ND'] as Float32Array;
    const logProbs: number[] = [];
    for (const { size, count, inputs } of scoringChunks(positions, hidden_ND, config.decoder.dim)) {
      const score = await graph(
        `score ${size}`,
        (constants, inputs) => scoreTargets(config, constants, inputs),
        scoringSignature(config, size),
      );
      const { logProb_M } = await score.run(inputs);
      logProbs.push(...logProb_M!.subarray(0, count));
    }
    let at = 0;
    return indices.map((index) => {
      const { tokens, from } = requests[index]!;
      let sum = 0;
      for (let i = from; i < tokens.length; i++) sum += logProbs[at++]!;
      return sum;
    });
  }

  return {
    async generate(prompts, options) {
      const answers: number[][] = prompts.map(() => []);
      for await (const round of generateAll(prompts, options)) {
        for (const { prompt, token } of round) answers[prompt]!.push(token);
      }
      return answers.map((answer) => Int32Array.from(answer));
    },

    async *stream(prompts, options) {
      for await (const round of generateAll(prompts, options)) yield* round;
    },

    async logLikelihood(requests) {
      for (const [index, { tokens, from }] of requests.entries()) {
        if (!Number.isInteger(from) || from < 1 || from > tokens.length) {
          throw new ModelError(
            'INVALID_INPUT',
            `Request ${index}: expected \`from\` between 1 and its ${tokens.length} tokens, got ${from}.`,
          );
        }
      }
      const sums = new Float64Array(requests.length);
      const read = await withFeatures(requests);
      for (const batch of batchPrompts(config, read, shapes, 0)) {
        const rows = await scoreBatch(read, batch);
        for (const [row, sum] of rows.entries()) sums[batch.indices[row]!] = sum;
      }
      return sums;
    },

    async dispose() {
      const compiled = await Promise.allSettled(graphs.values());
      graphs.clear();
      for (const result of compiled) if (result.status === 'fulfilled') await result.value.dispose();
    },
  };
}

/** What holds for every row of one call. */
interface Rules {
  limit: number;
  stopIds: ReadonlySet<number>;
  bias_V: Float32Array;
  allowedVocab: number;
  want: NextOutput;
  sampling?: SamplingOptions;
}

/** Of logits that are not numbers the best would be the first, which often means the end: a broken model would answer nothing, in silence. */
function checkLogits(sum: number, prompt: number): void {
  if (Number.isFinite(sum)) return;
  throw new ModelError(
    'NOT_FINITE',
    `Prompt ${prompt}: expected finite logits, got some that are not; has the training diverged, or are its image features not finite?`,
  );
}

/** Reads what a graph handed out: the best tokens, or logits to draw from, for every row with a generator of its own. */
function tokenChooser({ sampling, allowedVocab }: Rules, indices: readonly number[]) {
  const randoms = indices.map((index): Random | undefined => sampling && createRandom(`${sampling.seed}/${index}`));
  return (outputs: NamedArrays, open: ReadonlySet<number>, batchSize: number): Int32Array => {
    if (!sampling) {
      for (const row of open) checkLogits(outputs['sum_B']![row]!, indices[row]!);
      return Int32Array.from(outputs['next_B']!);
    }
    const logits_BV = outputs['logits_BV'] as Float32Array;
    const vocabSize = logits_BV.length / batchSize;
    const token_B1 = new Int32Array(batchSize);
    for (const row of open) {
      const logits_V = logits_BV.subarray(row * vocabSize, row * vocabSize + allowedVocab);
      checkLogits(
        logits_V.reduce((sum, logit) => sum + logit, 0),
        indices[row]!,
      );
      token_B1[row] = sampleToken(logits_V, sampling, randoms[row]!.uniform());
    }
    return token_B1;
  };
}
