import { join } from 'node:path';
import type { MixtureState } from '@vlm/mixture-sampler';
import { initParameters, vlmParams } from '@vlm/model';
import { type BatchesState, branchRun, type Checkpoint, type Schedule } from '@vlm/trainer';
import { openFeatures } from '../data/features.ts';
import { type CaptionKind, captionSource, conversationSource } from '../data/image-sources.ts';
import { skipPolicy } from '../data/skip-policy.ts';
import { textSource } from '../data/text-source.ts';
import { textModelConfig, visionModelConfig } from '../model-config.ts';
import type { OwnEncoder } from '../phase-settings.ts';
import { type Recipe, tokensOfUpdate } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { phaseName } from '../store/store-files.ts';
import { corpusFolder } from './corpus.ts';
import { finalName, mainSchedule } from './main.ts';
import { openPictures, type WhenRead } from './open-pictures.ts';
import { readOwnEncoder } from './own-encoder.ts';
import { loadTokenizer } from './tokenizer.ts';
import { finalCheckpoint, trainPhase } from './train-phase.ts';

interface BranchSettings extends Pick<Recipe, 'model' | 'projector' | 'optimizer' | 'threads'>, WhenRead {
  schedule: 'continued' | 'rewarm';
  branchStep: number;
  imageShare: number;
  instructionShare?: number;
  captions?: CaptionKind;
  tokens: number;
  batchSize: number;
  accumulate?: number;
  lrMin: number;
  moments: 'carried' | 'reset';
  attention: 'whole-row' | 'within-item';
  seed: number;
  brokenShards: Recipe['data']['brokenShards'];
  reshuffle?: boolean;
  lrPeak?: number;
  warmupSteps?: number;
  main?: { lrPeak: number; lrMin: number; warmupSteps: number; totalSteps: number };
  ownEncoder?: OwnEncoder;
}

/**
 * Image-text pre-training (phase 2): captions mixed with text by exact share of tokens, from the main run's weights at the branch point.
 * The text goes on where the main run stopped reading. An encoder that trains begins with the weights that the frozen one has.
 */
export async function runBranch(context: PhaseContext): Promise<Record<string, unknown>> {
  const settings = context.phase.settings as unknown as BranchSettings;
  const tokenizer = await loadTokenizer(context.parent('tokenizer'));
  const features = await openFeatures(context.parent('features'));
  const textConfig = textModelConfig(settings, tokenizer.vocabSize);
  const encoder = settings.ownEncoder ? await readOwnEncoder(context.parent('encoder')) : undefined;
  const config = visionModelConfig(settings, tokenizer.vocabSize, features.width, encoder?.config);
  const corpus = corpusFolder(context.parent('corpus'));
  const parent = await finalCheckpoint(join(context.parent('main'), 'checkpoints'), textConfig).open(finalName);
  const steps = Math.ceil(settings.tokens / tokensOfUpdate(settings, settings.model));
  const skips = await skipPolicy(context, settings.brokenShards);
  const { seed, reshuffle } = settings;
  const source = { corpus, tokenizer, seed, reshuffle, onBroken: skips.onBroken };
  const pictures = await openPictures(context, settings, features, encoder);
  const pictured = { ...source, features: pictures, onLeftOut: skips.onLeftOut };
  const { imageShare, instructionShare = 0 } = settings;
  const text = textRead(parent);
  const sources = [
    {
      name: 'captions',
      share: imageShare * (1 - instructionShare),
      open: captionSource({ ...pictured, captions: settings.captions }),
    },
    { name: 'conversations', share: imageShare * instructionShare, open: conversationSource(pictured) },
    {
      name: 'text',
      share: 1 - imageShare,
      open: textSource({ ...source, passesBefore: text.passes }),
      from: text.position,
    },
  ].filter((source) => source.share > 0);
  const summary = await trainPhase(context, {
    config,
    ownEncoder: settings.ownEncoder,
    optimizer: settings.optimizer,
    weightDecay: settings.optimizer.weightDecay,
    run: phaseName(context.phase),
    schedule: branchSchedule(settings, steps),
    start: (run) => {
      const all = { ...initParameters(vlmParams(config), settings.seed), ...encoder?.params };
      const add = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in parent.train.params)));
      return branchRun(parent, { ...run, moments: settings.moments === 'carried' ? 'carry' : 'reset', add });
    },
    sources,
    whenExhausted: 'repeat',
    packing: 'whole-images',
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
  return { ...summary, branchTokens: parent.state.tokens, parentChecksum: parent.checksum };
}

/** Continued: the main run's rate at the branch point, no warm-up, a cosine of its own. Re-warmed: a fresh warm-up and cosine. */
function branchSchedule(settings: BranchSettings, steps: number): Schedule {
  if (settings.schedule === 'rewarm') {
    return {
      kind: 'cosine',
      lrPeak: settings.lrPeak!,
      lrMin: settings.lrMin,
      warmupSteps: settings.warmupSteps!,
      totalSteps: steps,
    };
  }
  const { totalSteps, ...main } = settings.main!;
  return {
    kind: 'continued',
    from: mainSchedule(main, totalSteps),
    atStep: settings.branchStep,
    lrMin: settings.lrMin,
    totalSteps: steps,
  };
}

/** Where the main run's text source stood at the checkpoint, and after how many passes. */
function textRead(checkpoint: Checkpoint): { position: unknown; passes: number } {
  const data = checkpoint.state.data as BatchesState | null;
  const mixture = data?.source as MixtureState | undefined;
  return { position: mixture?.sources['text'], passes: mixture?.epochs['text'] ?? 0 };
}
