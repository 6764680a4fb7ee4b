import '@tensorflow/tfjs-backend-cpu';
import { onnxEngine } from '@vlm/jit';
import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { type ExportedDecoder, exportDecoder } from './export-decoder.ts';
import { createGenerator } from './generate.ts';
import { initParameters } from './init.ts';
import { createRandom } from './random.ts';
import { vlmConfig, vlmParams } from './vlm.ts';

const imageToken = 1;
const config = vlmConfig({
  decoder: { dim: 24, layers: 2, heads: 2, vocabSize: 50, sequenceLength: 32 },
  projector: { kind: 'gelu-mlp', featureWidth: 5 },
});
const params = initParameters(vlmParams(config), 'export');
// Sharper than at the start, so that the best token is best by far more than rounding.
for (const [name, values] of Object.entries(params))
  if (!name.includes('norm')) params[name] = values.map((x) => 3 * x);

ort.env.wasm.numThreads = 1;
const int32 = (data: number[] | Int32Array, dims: number[]) => new ort.Tensor('int32', Int32Array.from(data), dims);

async function open(files: ExportedDecoder) {
  const sessions = [files.prefill, files.decode].map((file) =>
    ort.InferenceSession.create(file, { executionProviders: ['wasm'] }),
  );
  return Promise.all(sessions) as Promise<[prefill: ort.InferenceSession, decode: ort.InferenceSession]>;
}

/** What a page does: greedy tokens from the two files, on WebAssembly. */
async function generateInBrowser(
  [prefill, decode]: Awaited<ReturnType<typeof open>>,
  length: number,
  tokens: Int32Array,
  count: number,
  images: Record<string, ort.Tensor> = {},
): Promise<number[]> {
  const padded = new Int32Array(length);
  padded.set(tokens);
  let outputs = await prefill.run({
    tokens_BT: int32(padded, [1, length]),
    last_B: int32([tokens.length - 1], [1]),
    ...images,
  });
  const answer: number[] = [];
  for (let position = tokens.length; ; position++) {
    const [token] = outputs['next_B']!.data as Int32Array;
    answer.push(token!);
    if (answer.length === count) break;
    const past = Object.entries(outputs).flatMap(([name, tensor]) =>
      name.startsWith('present_') ? [[name.replace('present', 'past'), tensor]] : [],
    );
    outputs = await decode.run({
      token_B1: int32([token!], [1, 1]),
      position_B1: int32([position], [1, 1]),
      ...Object.fromEntries(past),
    });
  }
  return answer;
}

describe('in onnxruntime-web on WebAssembly, the exported files give the tokens of the generator', () => {
  const random = createRandom('prompts');
  const engine = onnxEngine({ threads: 1, worker: false });
  const generator = createGenerator({ config, params, engine, batchSize: 1, imageToken });

  it('for prompts of text', async () => {
    const sessions = await open(exportDecoder({ config, params, promptLength: 16, allowedVocab: 48 }));
    for (const length of [1, 7, 16]) {
      const tokens = Int32Array.from({ length }, () => 2 + random.integer(46));
      const [expected] = await generator.generate([{ tokens }], { maxNewTokens: 12, allowedVocab: 48 });
      expect(await generateInBrowser(sessions, 16, tokens, 12), `${length} tokens`).toEqual([...expected!]);
    }
  });

  it('or the logits whose largest is that token', async () => {
    const tokens = Int32Array.of(5, 9, 2);
    const [expected] = await generator.generate([{ tokens }], { maxNewTokens: 1, allowedVocab: 48 });
    const [prefill] = await open(exportDecoder({ config, params, promptLength: 3, allowedVocab: 48, next: 'logits' }));
    const { logits_BV } = await prefill.run({ tokens_BT: int32(tokens, [1, 3]), last_B: int32([2], [1]) });
    const logits = [...(logits_BV!.data as Float32Array)];
    expect(logits.indexOf(Math.max(...logits))).toBe(expected![0]);
    expect(logits.slice(48).every((x) => x < -1e8)).toBe(true);
  });

  it('for a prompt with an image', async () => {
    const sessions = await open(exportDecoder({ config, params, promptLength: 12, slots: 24, patches: 3 }));
    const tokens = Int32Array.of(0, imageToken, imageToken, imageToken, 7, 30, 12);
    const patches = Float32Array.from({ length: 15 }, () => random.normal());
    const [expected] = await generator.generate([{ tokens, patches }], { maxNewTokens: 8 });
    const slots = new Int32Array(12);
    slots.set([0, 1, 2, 3]);
    const images = { slots_BT: int32(slots, [1, 12]), patches_NF: new ort.Tensor('float32', patches, [3, 5]) };
    expect(await generateInBrowser(sessions, 12, tokens, 8, images)).toEqual([...expected!]);
  });
});

it('refuses patches for a model without a projector', () => {
  const { projector: _, ...blind } = config;
  expect(() => exportDecoder({ config: blind, params, promptLength: 8, patches: 3 })).toThrow(/no projector/);
});

it('refuses lengths and vocabularies that the decoder does not have', () => {
  const refuse = (changed: object) => () => exportDecoder({ config, params, promptLength: 16, ...changed });
  expect(refuse({ slots: 33 })).toThrow('slots to be at most 32, got 33');
  expect(refuse({ promptLength: 20, slots: 16 })).toThrow('promptLength to be at most 16, got 20');
  expect(refuse({ allowedVocab: 51 })).toThrow('allowedVocab to be at most 50, got 51');
  expect(refuse({ batchSize: 0 })).toThrow('batchSize');
  expect(refuse({ params: {} })).toThrow(/Missing/);
});
