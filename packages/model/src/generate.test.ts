import { linear } from '@vlm/jit/nn';
import { afterAll, describe, expect, it } from 'vitest';
import { decoderHidden, decoderLogits, decoderTables, headWeight } from './decoder.ts';
import type { DecoderOptions } from './decoder-config.ts';
import { encodeImages, encoderParams } from './encoder.ts';
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
const tables = decoderTables(config.decoder);
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

  it('refuses to answer from logits that are no numbers', async () => {
    const broken = { ...params, [tables.head]: params[tables.head]!.map((x, i) => (i === 7 ? Number.NaN : x)) };
    const diverged = createGenerator({ config, params: broken, engine, batchSize: 4, imageToken });
    for (const sampling of [{}, { sampling: { seed: 1 } }]) {
      const answers = diverged.generate(prompts.slice(0, 1), { maxNewTokens: 3, stopIds: [0], ...sampling });
      await expect(answers).rejects.toMatchObject({ code: 'NOT_FINITE', message: expect.stringContaining('Prompt 0') });
    }
    await diverged.dispose();
    const { tokens, patches } = prompts[1]!;
    const blinded = { tokens, patches: patches!.map(() => Number.NaN) };
    await expect(generator.generate([prompts[0]!, blinded], { maxNewTokens: 3 })).rejects.toThrow(/Prompt 1: .*finite/);
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

  it('draws the same tokens whatever the batch size and the company, and others with another seed', async () => {
    const options = { maxNewTokens: 5, sampling: { seed: 7, temperature: 1.5, topP: 0.95 } };
    const all = await generator.generate(prompts, options);
    for (const batchSize of [1, 3]) {
      const other = createGenerator({ config, params, engine, batchSize, imageToken });
      expect(await other.generate(prompts.slice(0, 5), options)).toEqual(all.slice(0, 5));
      await other.dispose();
    }
    expect(await generator.generate(prompts, options)).toEqual(all);
    const reseeded = await generator.generate(prompts, { ...options, sampling: { ...options.sampling, seed: 8 } });
    expect(reseeded).not.toEqual(all);
  });

  it('draws from the distribution that full forward passes give', async () => {
    const [allowedVocab, draws] = [12, 200];
    const prompt = prompts[0]!;
    const many = new Array<Prompt>(draws).fill(prompt);
    const answers = await generator.generate(many, { maxNewTokens: 1, allowedVocab, sampling: { seed: 1, topK: 3 } });
    const last = (await logProbs(prompt)).at(-1)!.subarray(0, allowedVocab);
    const best = [...last.keys()].sort((a, b) => last[b]! - last[a]!).slice(0, 3);
    const total = best.reduce((sum, id) => sum + Math.exp(last[id]!), 0);
    for (const id of last.keys()) {
      const p = best.includes(id) ? Math.exp(last[id]!) / total : 0;
      const count = answers.filter((answer) => answer[0] === id).length;
      expect(Math.abs(count - p * draws)).toBeLessThanOrEqual(4 * Math.sqrt(draws * p * (1 - p))); // four deviations
    }
  });

  it('streams the tokens that it generates, and ends when nobody listens any more', async () => {
    const some = prompts.slice(0, 6);
    const options = { maxNewTokens: 5, stopIds: [(await generator.generate(some, { maxNewTokens: 5 }))[2]![3]!] };
    const answers: number[][] = some.map(() => []);
    for await (const { prompt, token } of generator.stream(some, options)) answers[prompt]!.push(token);
    expect(answers.map((answer) => Int32Array.from(answer))).toEqual(await generator.generate(some, options));
    for await (const { prompt, token } of generator.stream([some[1]!], options)) {
      expect([prompt, token]).toEqual([0, answers[1]![0]]);
      break;
    }
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

  it('scores more positions than one chunk holds, whatever the batch', async () => {
    const requests = Array.from({ length: 64 }, (_, i) => ({
      tokens: Int32Array.from({ length: 25 }, (_, t) => 2 + ((7 * i + 3 * t) % 48)),
      from: 1,
    }));
    const together = createGenerator({ config, params, engine, batchSize: 64, imageToken });
    const [wide, narrow] = [await together.logLikelihood(requests), await generator.logLikelihood(requests)];
    await together.dispose();
    for (const [i, sum] of wide.entries()) expect(sum, `request ${i}`).toBeCloseTo(narrow[i]!, 3);
  });
});

it('compiles three graphs for prompts of one to eight patches, whose zeros behind change no bit', async () => {
  const engine = engines[0]![1]();
  let compiled = 0;
  const counting: typeof engine = Object.assign(Object.create(engine), {
    compileForward: (...options: Parameters<typeof engine.compileForward>) => {
      compiled++;
      return engine.compileForward(...options);
    },
  });
  const generator = createGenerator({ config, params, engine: counting, batchSize: 2, imageToken });
  const requests = Array.from({ length: 8 }, (_, i) => ({
    tokens: Int32Array.from({ length: 11 }, (_, t) => (t <= i ? imageToken : 2 + t)),
    patches: Float32Array.from({ length: 5 * (i + 1) }, (_, n) => Math.sin(3 * n + i)),
    from: 10,
  }));
  const sums = [];
  for (const request of requests) sums.push((await generator.logLikelihood([request]))[0]);
  const ofScores = 1;
  expect(compiled).toBe(3 + ofScores);
  for (const [i, request] of requests.entries()) {
    const [padded] = await generator.logLikelihood([request, requests[7]!]); // in the same row, with room for eight patches
    expect(padded, `request ${i}`).toBe(sums[i]);
  }
  expect(compiled).toBe(3 + ofScores);
  await generator.dispose();
});

it('compiles no graph more for another number of scored positions, as every graph keeps its memory', async () => {
  const engine = engines[0]![1]();
  let compiled = 0;
  const counting: typeof engine = Object.assign(Object.create(engine), {
    compileForward: (...options: Parameters<typeof engine.compileForward>) => {
      compiled++;
      return engine.compileForward(...options);
    },
  });
  const generator = createGenerator({ config, params, engine: counting, batchSize: 4 });
  const tokens = Int32Array.from({ length: 24 }, (_, t) => 2 + t);
  for (const from of [23, 20, 12, 1])
    await generator.logLikelihood([
      { tokens, from },
      { tokens, from },
    ]);
  await generator.dispose();
  // The states of that length, and chunks of one size.
  expect(compiled).toBe(2);
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
    ['no patches at all', { tokens }, /Prompt 0: has 1 placeholders 1, but no patches and no images/],
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
    expect(() => createGenerator({ config, params, engine: engines[0]![1](), batchSize: 2, allowedVocab: 51 })).toThrow(
      /generator\.allowedVocab: expected at most the vocabulary 50, got 51/,
    );
    await expect(generator.generate([{ tokens }], { maxNewTokens: 1, sampling: { seed: 1, topK: 0 } })).rejects.toThrow(
      /topK: expected an integer ≥ 1/,
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

describe('decoders of other families', () => {
  const sizes = { dim: 24, layers: 2, heads: 4, vocabSize: 50, sequenceLength: 32 } as const;
  const families: [string, DecoderOptions][] = [
    ['grouped queries', { ...sizes, family: 'llama', hidden: 40, keyHeads: 2, headWidth: 8, qkNorm: 'head' }],
    ['scaled positions', { ...sizes, family: 'llama', hidden: 40, rotaryScaling: { kind: 'linear', factor: 2 } }],
    ['a part that turns', { ...sizes, family: 'gpt-neox', rotaryWidth: 2 }],
  ];
  it.each(families)('%s: cached generation gives what full passes give', async (_, decoder) => {
    const engine = engines[0]![1]();
    const config = vlmConfig({ decoder });
    const params = initParameters(vlmParams(config), 3);
    for (const [name, x] of Object.entries(params)) if (!name.includes('norm')) params[name] = x.map((w) => 15 * w);
    const generator = createGenerator({ config, params, engine, batchSize: 4, allowedVocab: 45 });
    const texts = prompts.filter(({ patches }) => !patches);
    const answers = await generator.generate(texts, { maxNewTokens: 6 });
    for (const [i, { tokens }] of texts.entries()) {
      // Every token of the answer must be the likeliest of the allowed ones behind what stands before it.
      const whole = Int32Array.from([...tokens, ...answers[i]!]);
      const forward = await engine.compileForward(
        (constants, { tokens_BT }) => ({ logits: decoderLogits(config.decoder, constants, tokens_BT!) }),
        {
          constants: bind(vlmParams(config), params),
          inputs: { tokens_BT: { shape: [1, whole.length], dtype: 'int32' } },
        },
      );
      const { logits } = await forward.run({ tokens_BT: whole });
      await forward.dispose();
      for (let t = tokens.length; t < whole.length; t++) {
        const row = logits!.subarray((t - 1) * 50, (t - 1) * 50 + 45);
        expect(row.indexOf(Math.max(...row))).toBe(whole[t]);
      }
    }
    expect(new Set(answers.flatMap((answer) => [...answer])).size).toBeGreaterThan(3);
    await generator.dispose();
  });
});

describe('pictures', () => {
  const config = vlmConfig({
    decoder: { dim: 24, layers: 1, heads: 2, vocabSize: 50, sequenceLength: 32 },
    projector: { kind: 'linear' },
    encoder: { kind: 'vit', imageSize: 8, patchSize: 4, dim: 12, layers: 1, heads: 2 },
  });
  const params = initParameters(vlmParams(config), 5);
  const size = 8 * 8 * 3;
  const images = Float32Array.from({ length: 3 * size }, () => 2 * random.uniform() - 1);
  const one = Int32Array.of(0, 1, 1, 1, 1, 7);
  const two = Int32Array.of(0, 1, 1, 1, 1, 9, 1, 1, 1, 1, 7, 8);

  it('go through the encoder of the model, and answers are those to its features', async () => {
    const engine = engines[0]![1]();
    const encode = await engine.compileForward(
      (constants, { images_BSS3 }) => ({ features: encodeImages(config.encoder!, constants, images_BSS3!) }),
      {
        constants: bind(encoderParams(config.encoder!), params),
        inputs: { images_BSS3: { shape: [3, 8, 8, 3], dtype: 'float32' } },
      },
    );
    const features = (await encode.run({ images_BSS3: images }))['features'] as Float32Array;
    await encode.dispose();
    const generator = createGenerator({ config, params, engine, batchSize: 2, imageToken });
    const withImages: Prompt[] = [
      { tokens: one, images: images.subarray(0, size) },
      { tokens: Int32Array.of(3, 4) },
      { tokens: two, images: images.subarray(size) },
    ];
    const withPatches: Prompt[] = [
      { tokens: one, patches: features.subarray(0, 48) },
      { tokens: Int32Array.of(3, 4) },
      { tokens: two, patches: features.subarray(48) },
    ];
    const options = { maxNewTokens: 4 };
    expect(await generator.generate(withImages, options)).toEqual(await generator.generate(withPatches, options));
    const requests = (list: Prompt[]) => list.map((prompt) => ({ ...prompt, from: prompt.tokens.length - 1 }));
    const [scored, expected] = [
      await generator.logLikelihood(requests(withImages)),
      await generator.logLikelihood(requests(withPatches)),
    ];
    for (const [i, score] of scored.entries()) expect(score).toBeCloseTo(expected[i]!, 4);

    const bad: [Prompt, RegExp][] = [
      [{ tokens: one, images: images.subarray(1, size) }, /Prompt 0: expected pictures of 192 numbers each, got 191/],
      [{ tokens: one, images, patches: features }, /has images and patches/],
      [{ tokens: one, images }, /expected 4 patches of 12 numbers.*= 12 patches/],
    ];
    for (const [prompt, message] of bad) await expect(generator.generate([prompt], options)).rejects.toThrow(message);
    await generator.dispose();
  });

  it('need a model with an encoder', async () => {
    const { encoder: _, ...rest } = config;
    const own = Object.fromEntries(Object.entries(params).filter(([name]) => !name.startsWith('encoder.')));
    const generator = createGenerator({
      config: rest,
      params: own,
      engine: engines[0]![1](),
      batchSize: 1,
      imageToken,
    });
    const prompt = { tokens: one, images: images.subarray(0, size) };
    await expect(generator.generate([prompt], { maxNewTokens: 1 })).rejects.toThrow(/the model has no encoder/);
  });
});
