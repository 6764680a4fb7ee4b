import { join } from 'node:path';
import { onnxEngine } from '@vlm/jit';
import type { MixtureState } from '@vlm/mixture-sampler';
import { createMixture } from '@vlm/mixture-sampler';
import {
  countParameters,
  encoderShape,
  type ParameterSpecs,
  parameterGroups,
  type VlmConfig,
  vlmBatch,
  vlmLoss,
  vlmParams,
} from '@vlm/model';
import {
  type Batches,
  type BatchesState,
  type BatchShape,
  type CheckpointStore,
  createBatches,
  createCheckpointStore,
  jsonLog,
  type NewRun,
  type OpenSource,
  type Packing,
  patchSizes,
  type RunStart,
  type Schedule,
  type SourcedItem,
  type TrainingItem,
  train,
  variantName,
} from '@vlm/trainer';
import { checkpointSeconds } from '../checkpoint-interval.ts';
import { numericsName } from '../numerics.ts';
import type { OwnEncoder } from '../phase-settings.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { StudyError } from '../study-error.ts';
import { pruneCheckpoints, pruneRule } from './prune-checkpoints.ts';

/** A source of training items and its share of the tokens. */
export interface WeightedSource {
  name: string;
  share: number;
  open: OpenSource<TrainingItem>;
  /** Where its first pass begins: where another run stopped reading. */
  from?: unknown;
}

/** What the three training phases have in common; how they differ is plain here. */
export interface TrainPhaseOptions {
  config: VlmConfig;
  /** How the encoder of a model that has one of its own takes part; items then carry pixels. */
  ownEncoder?: OwnEncoder | undefined;
  optimizer: Recipe['optimizer'];
  weightDecay: number;
  run: string;
  schedule: Schedule;
  start(run: NewRun): RunStart | Promise<RunStart>;
  sources: WeightedSource[];
  /** `stop`: the run is as long as its data; `repeat`: sources begin again. */
  whenExhausted: 'stop' | 'repeat';
  packing: Packing;
  attention: 'whole-row' | 'within-item';
  batchSize: number;
  /** Batches of one update; left out: one. */
  accumulate?: number | undefined;
  steps: number;
  tokens: { pad: number; image: number };
  /** Patches of one image; 0 for text alone. */
  imageTokens: number;
  threads: number;
  /** Where checkpoints lie, when they are shared with other phases of the same run. */
  checkpoints?: string;
  /** The checkpoint that this phase leaves for others. */
  finalName: string;
  /** What was left out under the recipe's policies, counted while it trains. */
  skipped(): Promise<Readonly<Record<string, number>>>;
}

/** A row of numbers for every step. */
export const metricsFile = 'metrics.jsonl';

const progressIntervalMs = 250;

/** Trains to the end, from wherever an earlier attempt was stopped, and accounts for every token. */
export async function trainPhase(context: PhaseContext, options: TrainPhaseOptions): Promise<Record<string, unknown>> {
  const { config, steps, batchSize, optimizer } = options;
  const params = vlmParams(config);
  const shape = batchShape(options);
  const { items, cellsPerImage } = shape;
  const ownGroups = options.ownEncoder && encoderGroups(params, options.ownEncoder, optimizer);
  const engine = onnxEngine({ threads: options.threads, worker: true });
  const step = await engine.compileTrainStep({
    params,
    variants: Object.fromEntries(
      shape.sizes.map((patches) => [
        variantName(patches),
        vlmBatch(config, {
          batch: batchSize,
          items,
          ...(cellsPerImage ? { patches: 0, images: patches / cellsPerImage } : { patches }),
        }),
      ]),
    ),
    loss: vlmLoss(config),
    optimizer: {
      beta1: optimizer.beta1,
      beta2: optimizer.beta2,
      epsilon: optimizer.epsilon,
      weightDecay: options.weightDecay,
      clipNorm: optimizer.clipNorm,
      decays: (name) => optimizer.decays === 'all' || params[name]!.shape.length > 1,
      ...ownGroups?.optimizer,
    },
    ...ownGroups?.rest,
  });
  const checkpoints = options.checkpoints ?? join(context.directory, 'checkpoints');
  const store = createCheckpointStore({
    directory: checkpoints,
    params,
  });
  let lastShownMs = 0;
  try {
    const result = await train({
      step,
      run: {
        run: options.run,
        schedule: options.schedule,
        numerics: numericsName(options.threads),
        ...(options.accumulate === undefined ? {} : { accumulate: options.accumulate }),
        ...(options.ownEncoder ? { trains: { encoder: options.ownEncoder } } : {}),
      },
      start: options.start,
      batches: (state) => openBatches(options, shape, state),
      steps,
      store,
      checkpointEvery: { seconds: checkpointSeconds() },
      namedCheckpoints: { [options.finalName]: steps },
      logs: [jsonLog(join(context.directory, metricsFile))],
      signal: context.signal,
      onStep: (row) => {
        if (Date.now() - lastShownMs < progressIntervalMs && row.step !== steps) return;
        lastShownMs = Date.now();
        context.onProgress({
          fraction: row.step / steps,
          step: row.step,
          steps,
          rate: row.tokensPerSecond,
          unit: 'tokens',
          loss: row.loss,
        });
      },
      onEvent: (event) => {
        if (event.kind === 'checkpoint') context.onCheckpoint();
        if (event.kind === 'broken-checkpoint')
          context.onWarning(`${event.problem.message} Going on from the one before it.`);
        if (event.kind === 'skipped-batch')
          context.onWarning(
            `Batch ${event.batch} at step ${event.step} was left out: its loss or gradient was not finite.`,
          );
      },
    });
    if (result.status === 'aborted')
      throw new StudyError('interrupted', `Stopped at step ${result.state.step} of ${steps}.`);
    await pruneCheckpoints(checkpoints);
    const data = result.state.data as BatchesState | null;
    return {
      parameters: countParameters(params),
      steps,
      tokens: result.state.tokens,
      lossTokens: result.state.lossTokens,
      schedule: options.schedule,
      accounting: data?.accounting,
      mixture: mixtureFigures(options, data),
      skipped: await options.skipped(),
      keptCheckpoints: pruneRule,
    };
  } finally {
    await step.dispose();
  }
}

/** Rows, positions and patches of a batch; whole pictures where the model encodes them itself. */
function batchShape({ config, batchSize, attention, imageTokens }: TrainPhaseOptions): BatchShape & { items: boolean } {
  const { sequenceLength: length } = config.decoder;
  const { encoder } = config;
  const common = { batch: batchSize, length, items: attention === 'within-item' };
  if (!encoder) {
    const sizes = patchSizes({ batch: batchSize, length, imageTokens });
    return { ...common, features: config.projector?.featureWidth ?? 0, sizes };
  }
  const { cells } = encoderShape(encoder);
  const sizes = patchSizes({ batch: batchSize, length, imageTokens: cells, wholeImages: true });
  return { ...common, features: 3 * encoder.imageSize ** 2, sizes, cellsPerImage: cells };
}

/** What an encoder of the model's own changes for the optimizer: whether it moves, and how fast. The norms of the parts are logged apart. */
function encoderGroups(params: ParameterSpecs, { trains, lrScale }: OwnEncoder, { decays }: Recipe['optimizer']) {
  const part = { decay: decays };
  const { groups, frozen, optimizer } = parameterGroups(params, {
    encoder: { ...part, trains, learningRateScale: lrScale },
    projector: part,
    decoder: part,
  });
  const partOf = new Map(groups.flatMap(({ part: name, names }) => names.map((param) => [param, name] as const)));
  return { optimizer, rest: { frozen, groupOf: (name: string) => partOf.get(name)! } };
}

/** The final checkpoint of a finished training phase. */
export function finalCheckpoint(directory: string, config: VlmConfig): CheckpointStore {
  return createCheckpointStore({ directory, params: vlmParams(config) });
}

function openBatches(options: TrainPhaseOptions, shape: BatchShape, state: unknown): Promise<Batches> {
  const open: OpenSource<SourcedItem> = (mixtureState) =>
    createMixture({
      sources: options.sources.map((source) => ({
        name: source.name,
        weight: source.share,
        open: source.open,
        from: source.from,
        cost: (item: TrainingItem) => item.tokens.length,
        whenExhausted: options.whenExhausted,
      })),
      state: mixtureState as MixtureState | undefined,
    });
  return createBatches({
    ...shape,
    open,
    packing: options.packing,
    padToken: options.tokens.pad,
    imageToken: options.tokens.image,
    overlong: 'truncate',
    state,
  });
}

/** Planned against delivered tokens of every source, at the point where the last batch was filled. */
function mixtureFigures(
  options: TrainPhaseOptions,
  data: BatchesState | null,
): Record<string, { plannedShare: number; plannedTokens: number; deliveredTokens: number }> {
  const delivered = (data?.source as MixtureState | undefined)?.delivered ?? {};
  const total = Object.values(delivered).reduce((sum, value) => sum + value, 0);
  const shares = options.sources.reduce((sum, source) => sum + source.share, 0);
  return Object.fromEntries(
    options.sources.map(({ name, share }) => [
      name,
      { plannedShare: share / shares, plannedTokens: (total * share) / shares, deliveredTokens: delivered[name] ?? 0 },
    ]),
  );
}
