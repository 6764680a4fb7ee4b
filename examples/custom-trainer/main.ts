/**
 * A trainer of one's own in some sixty statements: text and captioned pictures from shards, mixed 9 : 1 by tokens, one model, no encoder.
 *
 *     npx tsx --conditions=@vlm/source examples/custom-trainer/main.ts [folder] [steps]
 *
 * Stop it with Ctrl-C and start it again: it goes on where it was. The corpus is built on the first run.
 */
import { buildCorpus, corpusSettings } from '@vlm/corpus';
import { barePatches } from '@vlm/image-patcher';
import { onnxEngine } from '@vlm/jit';
import { createMixture, type MixtureState } from '@vlm/mixture-sampler';
import { initParameters, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';
import { createTokenizer, encodeCaption, encodeDocument, SPECIAL, trainBpe } from '@vlm/tokenizer';
import * as trainer from '@vlm/trainer';
import { readShards, type Sample, type ShardPosition } from 'webdataset-ts';

const [folder = '.custom-trainer', steps = '200'] = process.argv.slice(2);
await buildCorpus(corpusSettings('smoke'), { directory: `${folder}/corpus` });

const read =
  (kind: string) =>
  async (state?: unknown, pass = { epoch: 0 }) =>
    readShards(`${folder}/corpus/${kind}/train-000000.tar`, {
      shuffleSamples: { seed: 1, window: 100 },
      epoch: pass.epoch,
      state: state as ShardPosition | undefined,
    });
const text = ({ members }: Sample): string => new TextDecoder().decode(members['txt']);

const texts: string[] = [];
for await (const sample of await read('text')()) texts.push(text(sample));
const tokenizer = createTokenizer(trainBpe(texts, { vocabSize: 1024 }));
const pixels = barePatches({ size: 64, patch: 16, fit: 'squash', normalisation: 'minus-one-to-one' });

const document = (sample: Sample) => ({ id: sample.key, ...encodeDocument(tokenizer, text(sample)) });
const caption = async (sample: Sample) => {
  const [patches] = await pixels.encode([sample.members['png']!], { names: [sample.key] });
  return { id: sample.key, ...encodeCaption(tokenizer, text(sample), pixels), patches: patches! };
};
const source = (name: string, weight: number, open: trainer.OpenSource<trainer.TrainingItem>) => ({
  ...{ name, weight, open, whenExhausted: 'repeat' as const },
  cost: (item: trainer.TrainingItem) => item.tokens.length,
});
const sources = [
  source('text', 0.9, trainer.mapSource(read('text'), document)),
  source('captions', 0.1, trainer.mapSource(read('captions'), caption, { ahead: 16 })),
];

const config = vlmConfig({
  decoder: { dim: 128, layers: 2, heads: 4, vocabSize: tokenizer.vocabSize, sequenceLength: 128 },
  projector: { kind: 'linear', featureWidth: pixels.width },
});
const params = vlmParams(config);
const sizes = trainer.patchSizes({ batch: 8, length: 128, imageTokens: pixels.patches });
const shape = { batch: 8, length: 128, features: pixels.width, sizes };
const engine = onnxEngine();
const step = await engine.compileTrainStep({
  params,
  variants: trainer.variantSignatures(shape),
  loss: vlmLoss(config),
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
});

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const schedule = { kind: 'cosine', lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 20, totalSteps: Number(steps) } as const;
const rows = trainer.trainSteps({
  step,
  steps: Number(steps),
  run: { run: 'custom', schedule, numerics: engine.name },
  start: (run) => trainer.beginRun({ ...run, params: initParameters(params, 1) }),
  batches: (state) =>
    trainer.createBatches({
      ...{ ...shape, packing: 'whole-images', padToken: tokenizer.special(SPECIAL.pad), state },
      imageToken: tokenizer.special(SPECIAL.image),
      open: (at) => createMixture({ sources, state: at as MixtureState | undefined }),
    }),
  store: trainer.createCheckpointStore({ directory: `${folder}/checkpoints`, params }),
  checkpointEvery: { seconds: 30 },
  logs: [trainer.jsonLog(`${folder}/metrics.jsonl`), trainer.tensorboardLog(`${folder}/tensorboard`)],
  signal: stop.signal,
});
for await (const { step: done, loss, tokensPerSecond } of rows)
  if (done % 20 === 0) console.log(`step ${done}  loss ${loss.toFixed(3)}  ${Math.round(tokensPerSecond)} tokens/s`);
await step.dispose();
