import { join } from 'node:path';
import { initParameters, vlmParams } from '@vlm/model';
import { beginRun, type CosineSchedule, resumeRun } from '@vlm/trainer';
import { leftOutFile, skipPolicy } from '../data/skip-policy.ts';
import { textSource } from '../data/text-source.ts';
import { textModelConfig } from '../model-config.ts';
import { mainSteps, type Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { readIfThere, writeWhole } from '../store/whole-file.ts';
import { corpusFolder } from './corpus.ts';
import { loadTokenizer } from './tokenizer.ts';
import { finalCheckpoint, metricsFile, trainPhase } from './train-phase.ts';

/** Name of the checkpoint that every training phase leaves. */
export const finalName = 'final';

type MainSettings = Recipe['main'] &
  Pick<Recipe, 'model' | 'optimizer' | 'threads'> & {
    seed: number;
    toStep: number;
    brokenShards: Recipe['data']['brokenShards'];
    reshuffle?: boolean;
  };

/** Text pre-training (phase 1 of the paper), up to one branch point. It goes on where the phase before it ended. */
export async function runMain(context: PhaseContext): Promise<Record<string, unknown>> {
  const settings = context.phase.settings as unknown as MainSettings;
  const tokenizer = await loadTokenizer(context.parent('tokenizer'));
  const config = textModelConfig(settings, tokenizer.vocabSize);
  const totalSteps = mainSteps({ main: settings, model: settings.model });
  await takeOverNotes(context);
  const skips = await skipPolicy(context, settings.brokenShards);
  return trainPhase(context, {
    config,
    optimizer: settings.optimizer,
    weightDecay: settings.optimizer.weightDecay,
    run: `main-seed-${settings.seed}`,
    schedule: mainSchedule(settings, totalSteps),
    start: async (run) => {
      if (context.phase.continues === undefined)
        return beginRun({ ...run, params: initParameters(vlmParams(config), settings.seed) });
      const before = finalCheckpoint(join(context.parent('continues'), 'checkpoints'), config);
      return resumeRun(await before.open(finalName));
    },
    sources: [
      {
        name: 'text',
        share: 1,
        open: textSource({
          corpus: corpusFolder(context.parent('corpus')),
          tokenizer,
          seed: settings.seed,
          reshuffle: settings.reshuffle,
          onBroken: skips.onBroken,
        }),
      },
    ],
    whenExhausted: 'repeat',
    packing: 'chunks',
    attention: 'whole-row',
    batchSize: settings.batchSize,
    accumulate: settings.accumulate,
    steps: settings.toStep,
    tokens: { pad: tokenizer.padId, image: tokenizer.imageId },
    imageTokens: 0,
    threads: settings.threads,
    finalName,
    skipped: skips.counts,
  });
}

/** Every piece tells what the run did and left out from its first step on: other studies have the same piece behind other cuts. */
async function takeOverNotes(context: PhaseContext): Promise<void> {
  if (context.phase.continues === undefined) return;
  for (const file of [metricsFile, leftOutFile]) {
    const own = join(context.directory, file);
    const before = await readIfThere(join(context.parent('continues'), file));
    if (before !== undefined && (await readIfThere(own)) === undefined) await writeWhole(own, before);
  }
}

/** The main run's schedule, from which continued branches start. */
export function mainSchedule(
  main: Pick<Recipe['main'], 'lrPeak' | 'lrMin' | 'warmupSteps'>,
  totalSteps: number,
): CosineSchedule {
  return { kind: 'cosine', lrPeak: main.lrPeak, lrMin: main.lrMin, warmupSteps: main.warmupSteps, totalSteps };
}
