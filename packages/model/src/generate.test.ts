import { linear } from '@vlm/jit/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { decoderHidden, headWeight } from './decoder.ts';
import { createGenerator } from './generate.ts';
import { initParameters } from './init.ts';
import type { Prompt } from './prompt-batches.ts';
import { createRandom } from './random.ts';
import { bind, engines } from './testing/engines.ts';
import { inputEmbeddings, vlmConfig, vlmParams } from './vlm.ts';

const imageToken = 1;
const config = vlmConfig({
  decoder: { dim: 24, layers: 2, heads: 2, vocabSize: 50, sequenceLength: 32 },
  projector: { kind: 'gelu-mlp', featureWidth: 5 },
});
const specs = vlmParams(config);
const params = initParameters(specs, 'generate');
// Sharper than at the start, so that the best token is best by far more than rounding.
for (const [name, values] of Object.entries(params))
  if (!name.includes('norm')) params[name] = values.map((x) => 3 * x);

/** Prompts of 1 to 24 tokens, every other one with two to four patches. */
const random = createRandom('prompts');
const prompts: Prompt[] = Array.from({ length: 11 }, (_, i) => {
  const tokens = Int32Array.from({ length: 1 + random.integer(20) }, () => 2 + random.integer(48));
  if (i % 2 === 0) return { tokens };
  const count = 2 + random.integer(3);
  const patches = Float32Array.from({ length: count * 5 }, () => random.normal());
  return { tokens: Int32Array.from([0, ...new Array<number>(count).fill(imageToken), ...tokens]), patches };
});

describe.each(engines)('on %s', (_, open) => {
  const engine = open();
  const generator = createGenerator({ config, params, engine, batchSize: 4, imageToken });
  afterAll(() => generator.dispose());

  /** ln p of every next token, from a forward pass over one unpadded row: the plain way that caching must agree with. */
  async function logProbs({ tokens, patches }: Prompt): Promise<Float64Array[]> {
    const T = tokens.length;
    let used = 0;
    const slots_BT = tokens.map((token) => (patches && token === imageToken ? ++used : 0));
    const forward = await engine.compileForward(
      (constants, { tokens_BT, slots_BT, patches_NF }) => {
        const x = inputEmbeddings(config, constants, tokens_BT!, slots_BT!, patches_NF!);
        const hidden = decoderHidden(config.decoder, constants, x);
        return { logits: linear(hidden, headWeight(config.decoder, constants)) };
      },
      {
        constants: bind(specs, params),
        inputs: {
          tokens_BT: { shape: [1, T], dtype: 'int32' },
          slots_BT: { shape: [1, T], dtype: 'int32' },
          patches_NF: { shape: [Math.max(used, 1), 5], dtype: 'float32' },
        },
      },
    );
    const logits = (await forward.run({ tokens_BT: tokens, slots_BT, patches_NF: patches ?? new Float32Array(5) }))[
      'logits'
    ]!;
    await forward.dispose();
    return Array.from({ length: T }, (_, t) => {
      const row = Float64Array.from(logits.subarray(t * 50, (t + 1) * 50));
      const logSum = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      return row.map((x) => x - logSum);
    });
  }

  async function greedy(prompt: Prompt, count: number, stopIds: number[], allowed: number): Promise<number[]> {
    let tokens = prompt.tokens;
    const answer: number[] = [];
    while (answer.length < count) {
      const last = (await logProbs({ ...prompt, tokens })).at(-1)!.subarray(0, allowed);
      const next = last.indexOf(Math.max(...last));
      if (stopIds.includes(next)) break;
      answer.push(next);
      tokens = Int32Array.from([...tokens, next]);
    }
    return answer;
  }

  it('generates with the cache, token for token, what full forward passes give', async () => {
    const some = prompts.slice(0, 6);
    const answers = await generator.generate(some, { maxNewTokens: 5 });
    for (const [i, prompt] of some.entries()) {
      expect([...answers[i]!], `prompt ${i}`).toEqual(await greedy(prompt, 5, [], 50));
    }
  });

  it('stops before stop ids and never gives ids that are not allowed', async () => {
    const some = prompts.slice(0, 4);
    const free = await generator.generate(some, { maxNewTokens: 5 });
    const allowedVocab = Math.max(...free.flatMap((answer) => [...answer])); // forbids the largest id that was generated
    const stopIds = [free[1]![2]!];
    const answers = await generator.generate(some, { maxNewTokens: 5, stopIds, allowedVocab });
    for (const [i, prompt] of some.entries()) {
      expect([...answers[i]!], `prompt ${i}`).toEqual(await greedy(prompt, 5, stopIds, allowedVocab));
    }
    expect(answers.flatMap((answer) => [...answer]).every((id) => id < allowedVocab && id !== stopIds[0])).toBe(true);
  });

  it('gives a prompt the same answer alone, in company and in any order', async () => {
    const all = await generator.generate(prompts, { maxNewTokens: 4 });
    const reversed = await generator.generate([...prompts].reverse(), { maxNewTokens: 4 });
    expect(reversed.reverse()).toEqual(all);
    for (const i of [0, 5, 8]) expect(await generator.generate([prompts[i]!], { maxNewTokens: 4 })).toEqual([all[i]]);
  });

  it('scores continuations as full forward passes do', async () => {
    const requests = prompts.map((prompt, i) => ({ ...prompt, from: Math.min(prompt.tokens.length, 1 + (i % 7)) }));
    const sums = await generator.logLikelihood(requests);
    for (const [i, { tokens, from }] of requests.entries()) {
      const rows = await logProbs(requests[i]!);
      let expected = 0;
      for (let t = from; t < tokens.length; t++) expected += rows[t - 1]![tokens[t]!]!;
      expect(Math.abs(sums[i]! - expected), `request ${i}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
    }
    expect(Math.min(...sums)).toBeLessThan(-1);
  });
});

describe('bad requests', () => {
  const generator = createGenerator({ config, params, engine: engines[0]![1](), batchSize: 2, imageToken });
  const tokens = Int32Array.of(0, imageToken, 5);
  const cases: [string, Prompt, RegExp][] = [
    ['an empty prompt', { tokens: new Int32Array(0) }, /Prompt 0: expected 1 to 28 tokens.*got 0/],
    [
      'a long prompt',
      { tokens: new Int32Array(29) },
      /expected 1 to 28 tokens \(32 positions less 4 new tokens\), got 29/,
    ],
    ['an id outside the vocabulary', { tokens: Int32Array.of(50) }, /ids in \[0, 50\), got 50/],
    [
      'too many patches',
      { tokens, patches: new Float32Array(10) },
      /expected 1 patches of 5 numbers.*got 10 numbers = 2/,
    ],
    ['too few', { tokens, patches: new Float32Array(0) }, /expected 1 patches of 5 numbers.*got 0 numbers/],
  ];
  it.each(cases)('%s', async (_, prompt, message) => {
    await expect(generator.generate([prompt], { maxNewTokens: 4 })).rejects.toThrow(message);
  });

  it('options and parameters that do not fit', async () => {
    await expect(generator.generate([{ tokens }], { maxNewTokens: 0 })).rejects.toThrow(/maxNewTokens.*≥ 1, got 0/);
    await expect(generator.generate([{ tokens }], { maxNewTokens: 1, allowedVocab: 51 })).rejects.toThrow(
      /at most the vocabulary 50/,
    );
    await expect(generator.logLikelihood([{ tokens, from: 0 }])).rejects.toThrow(
      /Request 0: .* between 1 and its 3 tokens, got 0/,
    );
    const { 'norm.weight': _, ...rest } = params;
    const options = { config, engine: engines[0]![1](), batchSize: 2 };
    expect(() => createGenerator({ ...options, params: rest })).toThrow(/Missing: norm\.weight\. Unexpected: none/);
    expect(() => createGenerator({ ...options, params: { ...params, 'norm.weight': new Float32Array(3) } })).toThrow(
      /"norm\.weight": expected \[24\] = 24 numbers, got 3/,
    );
  });

  it('no prompts give no answers', async () => {
    expect(await generator.generate([], { maxNewTokens: 4 })).toEqual([]);
    expect(await generator.logLikelihood([])).toEqual(new Float64Array(0));
  });
});
