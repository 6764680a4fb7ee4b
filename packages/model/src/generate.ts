import type { Engine, Forward, NamedArrays, NamedTensors, Signature } from '@vlm/jit';
import { decodeSignature, decodeStep, KeyValueCache, prefill, prefillSignature } from './cached-decoding.ts';
import { scoreTargets, scoringSignature } from './log-likelihood.ts';
import { ModelError } from './model-error.ts';
import { checkParameters, type ParameterArrays } from './parameters.ts';
import { batchPrompts, fittingLength, type Prompt, type PromptBatch } from './prompt-batches.ts';
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
}

export interface GenerateOptions {
  maxNewTokens: number;
  /** Generation of a row ends before one of these; they are not returned. */
  stopIds?: readonly number[];
  /** Only ids below this are generated (the tokenizer's size; default: the decoder's vocabulary). */
  allowedVocab?: number;
}

export interface ScoreRequest extends Prompt {
  /** First scored token; at least 1, as token 0 has nothing before it. */
  from: number;
}

export interface Generator {
  /** The greedy continuation of every prompt, in the order of the prompts. */
  generate(prompts: readonly Prompt[], options: GenerateOptions): Promise<Int32Array[]>;
  /** For every request the sum of ln p(tokens[i] | tokens before i) over i ≥ from. */
  logLikelihood(requests: readonly ScoreRequest[]): Promise<Float64Array>;
  dispose(): Promise<void>;
}

/**
 * Batched greedy generation with a key-value cache, and batched log-likelihoods.
 *
 * Prompts are sorted by length and padded to one of five lengths, so that a handful of graphs serve any set of prompts. Graphs are
 * compiled when first used. A prompt's result does not depend on the others beyond rounding of floats.
 *
 * @throws ModelError where parameters do not fit the configuration
 * @example
 * const generator = createGenerator({ config, params, engine: onnxEngine(), batchSize: 64, imageToken: 2 });
 * const [answer] = await generator.generate([{ tokens }], { maxNewTokens: 6, stopIds: [0], allowedVocab: 2040 });
 */
export function createGenerator(options: GeneratorOptions): Generator {
  const { config, params, engine, batchSize, imageToken } = options;
  checkInteger('generator', 'batchSize', batchSize);
  const maxLength = checkInteger('generator', 'maxLength', options.maxLength ?? config.decoder.sequenceLength, 2);
  checkParameters(vlmParams(config), params);
  const lengths = [...new Set([2, 3, 4, 6, 8].map((n) => Math.min(maxLength, 8 * Math.ceil((maxLength * n) / 64))))];
  const shapes = { batchSize, lengths, ...(imageToken === undefined ? {} : { imageToken }) };
  const graphs = new Map<string, Promise<Forward>>();

  function graph(
    key: string,
    fn: (constants: NamedTensors, inputs: NamedTensors) => NamedTensors,
    inputs: Signature,
  ): Promise<Forward> {
    const known = graphs.get(key);
    if (known) return known;
    const used = Object.entries(vlmParams(config)).filter(
      ([name]) => 'patches_NF' in inputs || !name.startsWith('projector.'),
    );
    const constants = Object.fromEntries(
      used.map(([name, { shape, dtype }]) => [name, { spec: { shape, dtype }, data: params[name]! }]),
    );
    const compiled = engine.compileForward(fn, { constants, inputs });
    graphs.set(key, compiled);
    return compiled;
  }

  async function generateBatch(
    prompts: readonly Prompt[],
    batch: PromptBatch,
    limit: number,
    stopIds: ReadonlySet<number>,
    bias_V: Float32Array,
  ): Promise<number[][]> {
    const { length, patches, indices } = batch;
    const rowLengths = Array.from({ length: batchSize }, (_, row) => prompts[indices[row] ?? -1]?.tokens.length ?? 1);
    const shape = { batch: batchSize, length, patches };
    const first = await graph(
      `prefill ${length} ${patches}`,
      (constants, inputs) => prefill(config, constants, inputs),
      prefillSignature(config, shape),
    );
    const last_B = Int32Array.from(rowLengths, (n, row) => row * length + n - 1);
    let outputs = await first.run({ ...batch.inputs, last_B, bias_V });

    const slots = fittingLength(lengths, Math.max(...rowLengths) + limit);
    let cache: KeyValueCache | undefined;
    const answers: number[][] = indices.map(() => []);
    const open = new Set(indices.keys());
    for (let step = 1; ; step++) {
      const token_B1 = Int32Array.from(outputs['next_B']!);
      for (const row of open) {
        if (stopIds.has(token_B1[row]!)) open.delete(row);
        else answers[row]!.push(token_B1[row]!);
      }
      if (open.size === 0 || step === limit) return answers;
      if (cache) cache.append(outputs);
      else cache = new KeyValueCache(config.decoder, slots, outputs, length, rowLengths);
      const next = await graph(
        `decode ${slots}`,
        (constants, inputs) => decodeStep(config.decoder, constants, inputs),
        decodeSignature(config.decoder, batchSize, slots),
      );
      outputs = await next.run({ ...cache.inputs(), token_B1, bias_V });
    }
  }

  async function scoreBatch(requests: readonly ScoreRequest[], batch: PromptBatch): Promise<number[]> {
    const { length, patches, indices } = batch;
    const rows: number[] = [];
    const targets: number[] = [];
    indices.forEach((index, row) => {
      const { tokens, from } = requests[index]!;
      for (let i = from; i < tokens.length; i++) {
        rows.push(row * length + i - 1);
        targets.push(tokens[i]!);
      }
    });
    const scored = Math.min(batchSize * length, 2 ** Math.ceil(Math.log2(Math.max(1, rows.length))));
    const forward = await graph(
      `score ${length} ${patches} ${scored}`,
      (constants, inputs) => scoreTargets(config, constants, inputs),
      scoringSignature(config, { batch: batchSize, length, patches }, scored),
    );
    const padded = (values: number[]) => {
      const array = new Int32Array(scored);
      array.set(values);
      return array;
    };
    const inputs: NamedArrays = { ...batch.inputs, rows_M: padded(rows), targets_M: padded(targets) };
    const logProb_M = (await forward.run(inputs))['logProb_M']!;
    let at = 0;
    return indices.map((index) => {
      const { tokens, from } = requests[index]!;
      let sum = 0;
      for (let i = from; i < tokens.length; i++) sum += logProb_M[at++]!;
      return sum;
    });
  }

  return {
    async generate(prompts, { maxNewTokens, stopIds = [], allowedVocab = config.decoder.vocabSize }) {
      checkInteger('generate', 'maxNewTokens', maxNewTokens);
      if (checkInteger('generate', 'allowedVocab', allowedVocab) > config.decoder.vocabSize) {
        throw new ModelError(
          'INVALID_INPUT',
          `generate.allowedVocab: expected at most the vocabulary ${config.decoder.vocabSize}, got ${allowedVocab}.`,
        );
      }
      const bias_V = new Float32Array(config.decoder.vocabSize).fill(-1e9, allowedVocab);
      const answers = new Array<Int32Array>(prompts.length);
      for (const batch of batchPrompts(config, prompts, shapes, maxNewTokens)) {
        const rows = await generateBatch(prompts, batch, maxNewTokens, new Set(stopIds), bias_V);
        for (const [row, answer] of rows.entries()) answers[batch.indices[row]!] = Int32Array.from(answer);
      }
      return answers;
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
      for (const batch of batchPrompts(config, requests, shapes, 0)) {
        const rows = await scoreBatch(requests, batch);
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
