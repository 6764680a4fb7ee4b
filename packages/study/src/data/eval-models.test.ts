import { type EvalRow, runMultipleChoice, runVision, type TextItem, type VisionItem } from '@vlm/evals';
import { onnxEngine } from '@vlm/jit';
import { createGenerator, createRandom, initParameters, vlmConfig, vlmParams } from '@vlm/model';
import { createTokenizer, SPECIAL, trainBpe } from '@vlm/tokenizer';
import { afterAll, expect, it } from 'vitest';
import { conversationModel, textModel } from './eval-models.ts';

const words = ['cat', 'red', 'ball', 'under', 'green', 'tree', 'bird', 'beside', 'the', 'lake', 'small', 'two'];
const random = createRandom('questions');
const sentence = (length: number): string =>
  Array.from({ length }, () => words[random.integer(words.length)]!).join(' ');
const base = (task: string, i: number) => ({ id: `${task}-${i}`, task, split: 'new-scene', type: 'any' });
const tasks: Record<string, VisionItem[]> = {
  'open-vqa': Array.from({ length: 11 }, (_, i) => ({
    ...base('open-vqa', i),
    question: `What is ${sentence(1 + (i % 7))}?`,
    target: { kind: 'answers', answers: [words[i % 4]!] },
  })),
  existence: Array.from({ length: 9 }, (_, i) => ({
    ...base('existence', i),
    question: `Is there a ${sentence(1 + (i % 5))}?`,
    target: { kind: 'yes-no', answer: i % 2 ? 'yes' : 'no' },
  })),
};
const texts = Array.from(
  { length: 10 },
  (_, i): TextItem => ({
    id: `text-${i}`,
    task: 'last-word',
    context: sentence(2 + 2 * (i % 6)),
    choices: [1, 2, 4].map((length) => ` ${sentence(length)}`),
    answer: i % 3,
  }),
);

const tokenizer = createTokenizer(trainBpe([words.join(' '), sentence(400)], { vocabSize: 300 }));
const [patches, featureWidth, maxLength] = [4, 6, 64];
const config = vlmConfig({
  decoder: { dim: 24, layers: 2, heads: 2, vocabSize: tokenizer.vocabSize, sequenceLength: maxLength },
  projector: { kind: 'linear', featureWidth },
});
const params = initParameters(vlmParams(config), 'batches');
// Sharper than at the start, so that the best token is best by more than rounding.
for (const [name, values] of Object.entries(params))
  if (!name.includes('norm')) params[name] = values.map((value) => 3 * value);
const features = {
  patches,
  of(key: string): Float32Array {
    const own = createRandom(key);
    return Float32Array.from({ length: patches * featureWidth }, () => own.normal());
  },
};
const engine = onnxEngine({ threads: 1, worker: false });
const open: { dispose(): Promise<void> }[] = [];
afterAll(async () => {
  for (const generator of open) await generator.dispose();
});

async function rowsWith(generatorBatch: number, batchSize: number): Promise<EvalRow[]> {
  const imageToken = tokenizer.special(SPECIAL.image);
  const generator = createGenerator({ config, params, engine, batchSize: generatorBatch, imageToken });
  open.push(generator);
  const options = { generator, tokenizer, maxLength };
  const rows: EvalRow[] = [];
  for (const items of Object.values(tasks))
    rows.push(...(await runVision(conversationModel(options, features), items, { image: ({ id }) => id, batchSize })));
  return [...rows, ...(await runMultipleChoice(textModel(options), texts, { batchSize }))];
}

it('a model says the same, and is judged the same, whatever the batch sizes; likelihoods agree to rounding', async () => {
  const alone = await rowsWith(1, 1);
  expect(new Set(alone.map(({ output }) => output)).size).toBeGreaterThan(8); // not one answer to everything
  for (const [generatorBatch, batchSize] of [
    [4, 3],
    [16, 1000],
  ] as const) {
    const rows = await rowsWith(generatorBatch, batchSize);
    const judged = (some: readonly EvalRow[]) => some.map(({ margin, ...row }) => row);
    expect(judged(rows)).toEqual(judged(alone));
    for (const [i, { margin = 0 }] of rows.entries())
      expect(Math.abs(margin - (alone[i]!.margin ?? 0))).toBeLessThan(1e-4);
  }
}, 120_000);

it('and with the same batch sizes the same to the last bit', async () => {
  expect(JSON.stringify(await rowsWith(4, 3))).toBe(JSON.stringify(await rowsWith(4, 3)));
}, 120_000);
