import { join } from 'node:path';
import {
  countBatches,
  initialiseRun,
  limitSource,
  mapSource,
  namedSource,
  type OpenSource,
  patchSizes,
  type TrainingItem,
} from '@vlm/trainer';
import { openFeatures } from '../data/features.ts';
import { conversationSource } from '../data/image-sources.ts';
import { blankInputs, type PictureInputs } from '../data/picture-inputs.ts';
import { skipPolicy } from '../data/skip-policy.ts';
import { visionModelConfig } from '../model-config.ts';
import type { OwnEncoder } from '../phase-settings.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { phaseName } from '../store/store-files.ts';
import { corpusFolder } from './corpus.ts';
import { finalName } from './main.ts';
import { openPictures, type WhenRead } from './open-pictures.ts';
import { readOwnEncoder } from './own-encoder.ts';
import { loadTokenizer } from './tokenizer.ts';
import { finalCheckpoint, trainPhase } from './train-phase.ts';

type FinetuneSettings = Recipe['finetune'] &
  WhenRead &
  Pick<Recipe, 'model' | 'projector' | 'optimizer' | 'threads'> & {
    seed: number;
    brokenShards: Recipe['data']['brokenShards'];
    reshuffle?: boolean;
    ownEncoder?: OwnEncoder;
  };

/** Fine-tuning on conversations (phase 3): fresh moments, a short warm-up, a cosine; loss on the answers alone. */
export async function runFinetune(context: PhaseContext): Promise<Record<string, unknown>> {
  const settings = context.phase.settings as unknown as FinetuneSettings;
  const tokenizer = await loadTokenizer(context.parent('tokenizer'));
  const features = await openFeatures(context.parent('features'));
  const { ownEncoder } = settings;
  const encoder = ownEncoder ? await readOwnEncoder(context.parent('encoder')) : undefined;
  const modelWith = (own: typeof encoder) =>
    visionModelConfig(settings, tokenizer.vocabSize, features.width, own?.config);
  const config = modelWith(encoder);
  const corpus = corpusFolder(context.parent('corpus'));
  const skips = await skipPolicy(context, settings.brokenShards);
  const read = (from: PictureInputs, only?: (key: string) => boolean): OpenSource<TrainingItem> =>
    conversationSource({
      corpus,
      tokenizer,
      seed: settings.seed,
      reshuffle: settings.reshuffle,
      onBroken: skips.onBroken,
      features: from,
      onLeftOut: skips.onLeftOut,
      only,
    });
  const pictures = await openPictures(context, settings, features, encoder);
  const blank = blankInputs(pictures, features.patches * features.width, settings.brokenImages ?? 'error');
  const keys = new Set<string>();
  const counted = mapSource(withLimit(read(blank), settings.conversations), (item) => {
    keys.add(item.id);
    return item;
  });
  const open = conversationsOf(settings, (only) => read(pictures, only), keys);
  const shape = { batch: settings.batchSize, length: settings.model.sequenceLength };
  const onePass = await countBatches({
    ...shape,
    open: namedSource('conversations', counted),
    packing: 'no-split',
    features: features.width,
    sizes: patchSizes({ ...shape, imageTokens: features.patches }),
    padToken: tokenizer.padId,
    imageToken: tokenizer.imageId,
    overlong: 'truncate',
  });
  const steps = Math.max(1, Math.round((onePass.batches * settings.epochs) / (settings.accumulate ?? 1)));
  const before = modelWith(ownEncoder?.from === 'branch' ? encoder : undefined);
  const parent = await finalCheckpoint(join(context.parent('branch'), 'checkpoints'), before).open(finalName);
  const summary = await trainPhase(context, {
    config,
    ownEncoder,
    optimizer: settings.optimizer,
    weightDecay: settings.weightDecay,
    run: phaseName(context.phase),
    schedule: {
      kind: 'cosine',
      lrPeak: settings.lrPeak,
      lrMin: settings.lrMin,
      warmupSteps: Math.round(steps * settings.warmupShare),
      totalSteps: steps,
    },
    start: (run) =>
      initialiseRun(parent, {
        ...run,
        params: { ...parent.train.params, ...(ownEncoder?.from === 'encoder' ? encoder!.params : {}) },
        fresh: Object.keys(encoder?.params ?? {}),
      }),
    sources: [{ name: 'conversations', share: 1, open }],
    whenExhausted: 'repeat',
    packing: 'no-split',
    attention: settings.attention,
    batchSize: settings.batchSize,
    accumulate: settings.accumulate,
    steps,
    tokens: { pad: tokenizer.padId, image: tokenizer.imageId },
    imageTokens: features.patches,
    threads: settings.threads,
    finalName,
    skipped: skips.counts,
  });
  return { ...summary, epochs: settings.epochs, parentChecksum: parent.checksum };
}

/**
 * The conversations that a recipe asks for: all, or so many of the first pass, which are then those of every pass: later ones with an order of
 * their own begin with others.
 *
 * @param read all of them, or those whose keys are wanted
 * @param keys those of the first pass
 */
export function conversationsOf(
  { conversations, reshuffle }: Pick<FinetuneSettings, 'conversations' | 'reshuffle'>,
  read: (only?: (key: string) => boolean) => OpenSource<TrainingItem>,
  keys: ReadonlySet<string>,
): OpenSource<TrainingItem> {
  const first = withLimit(read(), conversations);
  if (!reshuffle || conversations === undefined) return first;
  const later = read((key) => keys.has(key));
  return (state, pass) => (pass?.epoch ? later : first)(state, pass);
}

function withLimit(open: OpenSource<TrainingItem>, conversations: number | undefined): OpenSource<TrainingItem> {
  return conversations === undefined ? open : limitSource(open, { max: conversations, cost: () => 1 });
}
