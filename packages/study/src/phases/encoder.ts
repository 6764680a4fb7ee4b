import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readManifest } from '@vlm/corpus';
import { openHubEncoder } from '@vlm/image-patcher';
import { exportOnnx, type NamedArrays, onnxEngine, type TrainStepDefinition } from '@vlm/jit';
import {
  type ConvEncoderConfig,
  countParameters,
  type EncoderHead,
  encodeImages,
  encoderBatch,
  encoderConfig,
  encoderHeadParams,
  encoderLoss,
  encoderMoments,
  encoderParams,
  encoderShape,
  foldEncoder,
  initParameters,
  type ParameterArrays,
  type ParameterSpecs,
  pooledMoments,
  writeSafetensors,
} from '@vlm/model';
import { beginRun, createCheckpointStore, jsonLog, type MetricsRow, train } from '@vlm/trainer';
import { checkpointSeconds } from '../checkpoint-interval.ts';
import { isExternal } from '../data/read-group.ts';
import { numericsName } from '../numerics.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { writeJson, writeWhole } from '../store/whole-file.ts';
import { StudyError } from '../study-error.ts';
import { corpusFolder } from './corpus.ts';
import {
  gridSide,
  type LabelledPicture,
  labelHeads,
  loadEvalPictures,
  loadTrainingPictures,
  pictureBatches,
} from './encoder-data.ts';
import { probeAccuracy } from './encoder-probe.ts';
import { type EncoderFile, encoderFile, encoderModelFile } from './features.ts';
import { metricsFile } from './train-phase.ts';

type EncoderSettings = Recipe['encoder'] & { seed: number; threads: number };

export const encoderWeightsFile = 'encoder.safetensors';
const progressIntervalMs = 250;
const warmupShare = 0.05;
/** Pictures over which the statistics of the norms are measured. */
const momentPictures = 2048;
/** Pictures that the exported encoder takes at once. */
const exportBatch = 64;
/** Steps at the end of training whose losses the summary averages. */
const lossWindow = 50;

/** The encoder that a recipe asks for: one feature for each cell of a 4 × 4 grid. */
export function studyEncoder({ channels }: Pick<Recipe['encoder'], 'channels'>, imageSize: number): ConvEncoderConfig {
  const patchSize = imageSize / (gridSide * 2 ** (channels.length - 1));
  if (!Number.isInteger(patchSize)) {
    throw new StudyError(
      'bad-recipe',
      `encoder.channels: expected at most ${1 + Math.floor(Math.log2(imageSize / gridSide))} stages for pictures of ${imageSize} pixels, got ${channels.length}.`,
    );
  }
  return encoderConfig({ kind: 'conv', imageSize, channels, patchSize, norm: 'batch' }) as ConvEncoderConfig;
}

/**
 * Trains the image encoder on what the cells of training scenes show, freezes it, and says how well its features can be read.
 *
 * Leaves `encoder.json`, and for a learnt encoder `encoder.onnx` (float32 pictures in [−1, 1], channels last, in batches of 64) and
 * `encoder.safetensors`, both with the norms folded into the convolutions.
 */
export async function runEncoder(context: PhaseContext): Promise<Record<string, unknown>> {
  const settings = context.phase.settings as unknown as EncoderSettings;
  const corpus = corpusFolder(context.parent('corpus'));
  if (settings.kind === 'hub') return importEncoder(context, settings);
  const patches = gridSide * gridSide;
  if (settings.kind === 'bare-patches') {
    const imageSize = await pictureSize(corpus);
    const width = 3 * (imageSize / gridSide) ** 2;
    await writeEncoderFile(context, { kind: 'bare-patches', imageSize, patches, width });
    return { kind: settings.kind, patches, width, parameters: 0 };
  }

  const { settings: corpusSettings, vocabulary } = await readManifest(corpus);
  const { imageSize } = corpusSettings;
  const config = studyEncoder(settings, imageSize);
  const heads = labelHeads(vocabulary);
  const { pictures, skipped } = await loadTrainingPictures(context, corpus, { imageSize, vocabulary });
  const params = await trainEncoder(context, settings, { config, heads, pictures });

  context.onProgress({ fraction: 1, note: 'measuring and folding the norms' });
  const frozen = foldEncoder(config, params, await measureMoments(settings, config, params, pictures));
  const probe = await probeAccuracy(await loadEvalPictures(corpus, { imageSize, vocabulary }), {
    engine: onnxEngine({ threads: settings.threads, worker: false }),
    config: frozen.config,
    heads,
    params: { ...params, ...frozen.params },
    batch: exportBatch,
  });
  const { width } = encoderShape(config);
  const specs = encoderParams(frozen.config);
  await writeWhole(join(context.directory, encoderWeightsFile), safetensors(specs, frozen.params, frozen.config));
  await writeWhole(join(context.directory, encoderModelFile), exportEncoder(frozen.config, frozen.params));
  await writeEncoderFile(context, { kind: 'cnn', imageSize, patches, width }, { config: frozen.config, probe });
  return {
    kind: settings.kind,
    patches,
    width,
    parameters: countParameters(specs),
    pictures: pictures.length,
    skippedPictures: skipped,
    steps: settings.steps,
    imagesSeen: settings.steps * settings.batchSize,
    finalLosses: await finalLosses(context),
    probe,
  };
}

/** Opens an encoder that somebody else trained, and notes where it is and what it gives. */
async function importEncoder(context: PhaseContext, settings: EncoderSettings): Promise<Record<string, unknown>> {
  const { folder, layer } = settings as { folder: string; layer?: number };
  const encoder = await openHubEncoder(folder, layer === undefined ? {} : { layer });
  const { patches, width, id } = encoder;
  await encoder.dispose();
  await writeEncoderFile(context, {
    kind: 'hub',
    imageSize: 0,
    patches,
    width,
    folder: resolve(folder),
    ...(layer === undefined ? {} : { layer }),
  });
  return { kind: settings.kind, patches, width, encoder: id };
}

/** Side of the pictures that bare patches are cut from: the default corpus' own, and 64 for data of any size. */
async function pictureSize(corpus: string): Promise<number> {
  return (await isExternal(corpus)) ? 64 : (await readManifest(corpus)).settings.imageSize;
}

interface Training {
  config: ConvEncoderConfig;
  heads: readonly EncoderHead[];
  pictures: readonly LabelledPicture[];
}

/** To the end of training, from wherever an earlier attempt was stopped. @returns weights of the encoder and of the heads */
async function trainEncoder(
  context: PhaseContext,
  settings: EncoderSettings,
  { config, heads, pictures }: Training,
): Promise<ParameterArrays> {
  const { steps, batchSize, seed, threads } = settings;
  const params = { ...encoderParams(config), ...encoderHeadParams(config, heads) };
  const definition: TrainStepDefinition = {
    params,
    variants: { train: encoderBatch(config, heads, batchSize) },
    loss: encoderLoss(config, heads),
    optimizer: {
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: settings.weightDecay,
      clipNorm: 1,
      decays: (name) => params[name]!.shape.length > 1,
    },
  };
  const step = await onnxEngine({ threads, worker: true }).compileTrainStep(definition);
  let lastShownMs = 0;
  try {
    const result = await train({
      step,
      run: {
        run: `encoder-seed-${seed}`,
        schedule: {
          kind: 'cosine',
          lrPeak: settings.lrPeak,
          lrMin: 0,
          warmupSteps: Math.round(warmupShare * steps),
          totalSteps: steps,
        },
        numerics: numericsName(threads),
      },
      start: (run) => beginRun({ ...run, params: initParameters(params, seed) }),
      batches: (state) => pictureBatches(pictures, { batch: batchSize, seed, state }),
      steps,
      store: createCheckpointStore({ directory: join(context.directory, 'checkpoints'), params }),
      checkpointEvery: { seconds: checkpointSeconds() },
      logs: [jsonLog(join(context.directory, metricsFile))],
      signal: context.signal,
      onStep: (row) => {
        if (Date.now() - lastShownMs < progressIntervalMs && row.step !== steps) return;
        lastShownMs = Date.now();
        const { step, loss, tokensPerSecond: rate } = row;
        context.onProgress({ fraction: step / steps, step, steps, rate, unit: 'images', loss });
      },
      onEvent: (event) => {
        if (event.kind === 'checkpoint') context.onCheckpoint();
        if (event.kind === 'broken-checkpoint') {
          context.onWarning(`${event.problem.message} Going on from the one before it.`);
        }
      },
    });
    if (result.status === 'aborted') {
      throw new StudyError('interrupted', `Stopped at step ${result.state.step} of ${steps}.`);
    }
    return result.train.params;
  } finally {
    await step.dispose();
  }
}

/** What the norms of the trained encoder see in training pictures. */
async function measureMoments(
  { seed, threads, batchSize }: EncoderSettings,
  config: ConvEncoderConfig,
  params: ParameterArrays,
  pictures: readonly LabelledPicture[],
): Promise<ParameterArrays> {
  const { imageSize } = config;
  const forward = await onnxEngine({ threads, worker: false }).compileForward(
    (constants, { images_BSS3 }) => encoderMoments(config, constants, images_BSS3!),
    {
      constants: bound(encoderParams(config), params),
      inputs: { images_BSS3: { shape: [batchSize, imageSize, imageSize, 3], dtype: 'float32' } },
    },
  );
  try {
    const stream = pictureBatches(pictures, { batch: batchSize, seed });
    const measured: NamedArrays[] = [];
    const count = Math.ceil(Math.min(momentPictures, pictures.length) / batchSize);
    for (let i = 0; i < count; i++) {
      const { value } = await stream.next();
      measured.push(await forward.run({ images_BSS3: value!.inputs['images_BSS3']! }));
    }
    return pooledMoments(measured);
  } finally {
    await forward.dispose();
  }
}

/** The encoder as an ONNX graph of pictures in batches of 64, channels last. */
export function exportEncoder(config: ConvEncoderConfig, params: ParameterArrays): Uint8Array {
  const { imageSize } = config;
  return exportOnnx((constants, { images_BSS3 }) => ({ features_BPF: encodeImages(config, constants, images_BSS3!) }), {
    constants: bound(encoderParams(config), params),
    inputs: { images_BSS3: { shape: [exportBatch, imageSize, imageSize, 3], dtype: 'float32' } },
  });
}

function bound(specs: ParameterSpecs, params: ParameterArrays) {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => [name, { spec: { shape, dtype }, data: params[name]! }]),
  );
}

function safetensors(specs: ParameterSpecs, params: ParameterArrays, config: ConvEncoderConfig): Uint8Array {
  const tensors = Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: params[name]! }]);
  return writeSafetensors(Object.fromEntries(tensors), { config: JSON.stringify(config) });
}

/** Means over the last steps, read from the log so that a phase that was stopped at its very end says the same. */
async function finalLosses(context: PhaseContext): Promise<Record<string, number>> {
  const lines = (await readFile(join(context.directory, metricsFile), 'utf8')).trimEnd().split('\n');
  const rows = lines.slice(-lossWindow).map((line) => JSON.parse(line) as MetricsRow);
  const mean = (f: (row: MetricsRow) => number) => rows.reduce((sum, row) => sum + f(row), 0) / rows.length;
  const names = Object.keys(rows[0]!.metrics);
  return {
    total: mean((row) => row.loss),
    ...Object.fromEntries(names.map((n) => [n, mean((row) => row.metrics[n]!)])),
  };
}

function writeEncoderFile(context: PhaseContext, file: EncoderFile, more: Record<string, unknown> = {}): Promise<void> {
  return writeJson(join(context.directory, encoderFile), { ...file, ...more });
}
