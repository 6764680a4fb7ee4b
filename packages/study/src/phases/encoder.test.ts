import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCorpus, corpusSettings } from '@vlm/corpus';
import { onnxEngine } from '@vlm/jit';
import { type ConvEncoderConfig, encodeImages, encoderParams, readSafetensors } from '@vlm/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { trainingScenes } from '../data/shards.ts';
import { presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { encoderWeightsFile, runEncoder, studyEncoder } from './encoder.ts';
import { loadTrainingPictures, pictureBatches } from './encoder-data.ts';
import { openEncoder } from './features.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'encoder-'));
  await buildCorpus({ ...corpusSettings('smoke'), captions: 16 }, { directory: join(root, 'corpus'), threads: 1 });
}, 60_000);
afterAll(() => rm(root, { recursive: true }));

const smoke: Recipe['encoder'] = {
  ...presets['smoke']!.encoder,
  kind: 'cnn',
  channels: [8, 8, 16, 16],
  steps: 12,
  batchSize: 8,
};

/** What a phase with these settings is given, in a folder of its own. */
async function context(settings: Partial<Recipe['encoder']>, more: Partial<PhaseContext> = {}) {
  const directory = await mkdtemp(join(root, 'phase-'));
  const phase = { settings: { ...smoke, ...settings, seed: 5, threads: 1 } };
  return {
    phase,
    study: { recipe: presets['smoke']! },
    directory,
    parent: () => root,
    signal: new AbortController().signal,
    onProgress: () => {},
    onWarning: () => {},
    onCheckpoint: () => {},
    ...more,
  } as unknown as PhaseContext;
}

const weights = (directory: string) => readFile(join(directory, encoderWeightsFile));

it('leaves a frozen encoder that says the same of a picture everywhere', async () => {
  const done = await context({});
  const summary = await runEncoder(done);
  expect(summary).toMatchObject({ kind: 'cnn', patches: 16, width: 16, steps: 12, imagesSeen: 96, skippedPictures: 0 });
  expect(Object.keys(summary['finalLosses'] as object).sort()).toEqual(['background', 'colour', 'concept', 'total']);
  const probe = summary['probe'] as Record<string, Record<string, number>>;
  expect(probe['new-scene']!['pictures']).toBe(50);
  for (const share of ['concept', 'colour', 'ground', 'background']) {
    expect(probe['new-scene']![share]).toBeGreaterThanOrEqual(0);
    expect(probe['new-vendor']![share]).toBeLessThanOrEqual(1);
  }

  const encoder = await openEncoder(done.directory);
  expect([encoder.patches, encoder.width]).toEqual([16, 16]);
  const pngs: Uint8Array[] = [];
  for await (const { png } of trainingScenes(join(root, 'corpus'))) pngs.push(png);
  const features = await encoder.encode(pngs);
  const [alone] = await encoder.encode(pngs.slice(3, 4));
  expect(alone).toEqual(features[3]);

  // The features are standardised over training pictures, and the weights beside them give the same.
  const all = Float64Array.from(features.flatMap((row) => [...row!]));
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length);
  expect(Math.abs(mean)).toBeLessThan(0.15);
  expect(Math.abs(deviation - 1)).toBeLessThan(0.25);

  const file = readSafetensors(await weights(done.directory));
  const config = JSON.parse(file.metadata['config']!) as ConvEncoderConfig;
  expect(config).toEqual({ ...studyEncoder(smoke, 64), norm: 'none' });
  const { pictures } = await loadTrainingPictures(done, join(root, 'corpus'), await corpusOf());
  const forward = await onnxEngine({ threads: 1, worker: false }).compileForward(
    (constants, { images_BSS3 }) => ({ features: encodeImages(config, constants, images_BSS3!) }),
    {
      constants: Object.fromEntries(
        Object.entries(encoderParams(config)).map(([name, spec]) => [
          name,
          { spec, data: file.tensors.get(name)!.data as Float32Array },
        ]),
      ),
      inputs: { images_BSS3: { shape: [1, 64, 64, 3], dtype: 'float32' } },
    },
  );
  const pixels = Float32Array.from(pictures[3]!.rgb, (value) => value / 127.5 - 1);
  const direct = (await forward.run({ images_BSS3: pixels }))['features']!;
  direct.forEach((value, i) => {
    expect(value).toBeCloseTo(alone![i]!, 4);
  });
  await forward.dispose();
}, 60_000);

it('stopped and started again, it ends with the same bits', async () => {
  const straight = await context({});
  const wanted = await runEncoder(straight);

  const stop = new AbortController();
  const stopped = await context(
    {},
    { signal: stop.signal, onProgress: ({ step }) => step !== undefined && step >= 1 && stop.abort() },
  );
  await expect(runEncoder(stopped)).rejects.toMatchObject({ code: 'interrupted' });
  await expect(weights(stopped.directory)).rejects.toMatchObject({ code: 'ENOENT' });
  const resumed = await context({});
  await rm(resumed.directory, { recursive: true });
  await rename(stopped.directory, resumed.directory);
  expect(await runEncoder(resumed)).toEqual(wanted);
  expect(await weights(resumed.directory)).toEqual(await weights(straight.directory));
  // Once more after the end, as after a kill between the last file and the phase's record.
  expect(await runEncoder(resumed)).toEqual(wanted);
  const other = await context({ lrPeak: 1e-3 });
  await runEncoder(other);
  expect(await weights(other.directory)).not.toEqual(await weights(straight.directory));
}, 60_000);

it('shows every picture once a pass, in an order that the seed decides, from any point', async () => {
  const { pictures } = await loadTrainingPictures(await context({}), join(root, 'corpus'), await corpusOf());
  const passes = async (seed: number, state?: unknown) => {
    const stream = pictureBatches(pictures, { batch: 4, seed, state });
    const batches: Int32Array[] = [];
    const states: unknown[] = [];
    const firsts: number[] = [];
    for (let i = 0; i < pictures.length; i++) {
      const { value } = await stream.next();
      batches.push(value!.inputs['concept_BP'] as Int32Array);
      for (let b = 0; b < 4; b++) firsts.push(sumOf(value!.inputs['images_BSS3']!, b));
      states.push(stream.state());
    }
    return { batches, states, firsts };
  };
  const first = await passes(1);
  // n batches of 4 are four passes over n pictures: each pass holds the same pictures, in another order.
  const pass = (n: number) => first.firsts.slice(n * pictures.length, (n + 1) * pictures.length);
  const sorted = (numbers: number[]) => [...numbers].sort((a, b) => a - b);
  expect(sorted(pass(1))).toEqual(sorted(pass(0)));
  expect(pass(1)).not.toEqual(pass(0));
  expect((await passes(2)).firsts).not.toEqual(first.firsts);
  const later = await passes(1, first.states[4]);
  expect(later.batches.slice(0, 3)).toEqual(first.batches.slice(5, 8));
});

it('has bare patches where the recipe asks for them', async () => {
  const bare = await context({ kind: 'bare-patches' });
  expect(await runEncoder(bare)).toEqual({ kind: 'bare-patches', patches: 16, width: 768, parameters: 0 });
  const encoder = await openEncoder(bare.directory);
  expect([encoder.patches, encoder.width]).toEqual([16, 768]);
});

it('refuses more stages than pictures have pixels for', () => {
  expect(() => studyEncoder({ channels: [8, 8, 8, 8, 8, 8] }, 64)).toThrow(/at most 5 stages.*got 6/);
});

async function corpusOf() {
  const { settings, vocabulary } = JSON.parse(await readFile(join(root, 'corpus', 'manifest.json'), 'utf8'));
  return { imageSize: settings.imageSize, vocabulary };
}

/** Tells pictures apart. */
function sumOf(images_BSS3: ArrayLike<number>, b: number): number {
  const length = images_BSS3.length / 4;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += images_BSS3[b * length + i]! * ((i % 97) + 1);
  return sum;
}
