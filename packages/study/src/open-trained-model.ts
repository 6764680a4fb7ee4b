import { join } from 'node:path';
import { onnxEngine } from '@vlm/jit';
import { createGenerator } from '@vlm/model';
import { conversationModel } from './data/eval-models.ts';
import type { Phase, Study } from './graph.ts';
import { visionModelConfig } from './model-config.ts';
import { openEncoder } from './phases/features.ts';
import { finalName } from './phases/main.ts';
import { openOwnEncoder, readOwnEncoder } from './phases/own-encoder.ts';
import { loadTokenizer } from './phases/tokenizer.ts';
import { finalCheckpoint } from './phases/train-phase.ts';
import type { Recipe } from './recipe.ts';
import type { Store } from './store.ts';
import { StudyError } from './study-error.ts';
import { modelsNamed } from './study-models.ts';

/** A trained arm that can be asked. */
export interface TrainedModel {
  /** The answer to a question, about a picture or without one. */
  ask(question: string, image?: { bytes: Uint8Array; name: string }): Promise<string>;
  dispose(): Promise<void>;
}

/**
 * Opens the fine-tuned model of one arm.
 *
 * @param arm An arm's id (`branch-80`, its first seed that is trained), or an arm and a seed (`branch-80/seed-124`).
 * @throws StudyError `bad-option` with the models there are, or `not-finished`.
 */
export async function openTrainedModel(study: Study, store: Store, arm: string): Promise<TrainedModel> {
  const phase = await trainedPhase(study, store, arm);
  const parent = (child: Phase, role: string): Phase =>
    study.phases.find((candidate) => candidate.id === child.parents[role])!;
  const { recipe } = study;
  const encoderPhase = parent(parent(phase, 'features'), 'encoder');
  for (const needed of [phase, parent(phase, 'tokenizer'), encoderPhase]) await store.fetch(needed);
  const tokenizer = await loadTokenizer(store.phaseDirectory(parent(phase, 'tokenizer')));
  const encoderFolder = store.phaseDirectory(encoderPhase);
  const own = phase.settings['ownEncoder'] ? await readOwnEncoder(encoderFolder) : undefined;
  const frozen = await openEncoder(encoderFolder, recipe.threads);
  const model = phase.settings['model'] as Recipe['model'];
  const config = visionModelConfig({ ...recipe, model }, tokenizer.vocabSize, frozen.width, own?.config);
  const checkpoint = await finalCheckpoint(join(store.phaseDirectory(phase), 'checkpoints'), config).open(finalName);
  const { params } = checkpoint.train;
  const encoder = own ? await openOwnEncoder(config, params, recipe.threads) : frozen;
  const generator = createGenerator({
    config,
    params,
    engine: onnxEngine({ threads: recipe.threads }),
    batchSize: 1,
    imageToken: tokenizer.imageId,
  });
  const answering = conversationModel(
    { generator, tokenizer, maxLength: model.sequenceLength },
    { patches: encoder.patches, of: noTable },
  );
  return {
    async ask(question, image) {
      const features = image ? (await encoder.encode([image.bytes], { names: [image.name] }))[0] : undefined;
      const [answer] = await answering.generate([{ text: question, ...(features ? { image: features } : {}) }], {
        maxNewTokens: Math.min(48, Math.floor(model.sequenceLength / 3)),
      });
      return answer ?? '';
    },
    dispose: () => generator.dispose(),
  };
}

/** The fine-tuning that made a model, of the first of its seeds that is trained. */
async function trainedPhase(study: Study, store: Store, arm: string): Promise<Phase> {
  const models = modelsNamed(study, arm);
  for (const { phase } of models) {
    const trained = study.phases.find(({ id }) => id === phase.parents['model'])!;
    if (trained.kind !== 'finetune') {
      throw new StudyError(
        'bad-option',
        `The model "${arm}" learned no conversations, so it cannot be asked; an arm can.`,
      );
    }
    if (await store.record(trained)) return trained;
  }
  throw new StudyError(
    'not-finished',
    `${models.map(({ name }) => name).join(', ')}: not trained yet; run the study first.`,
  );
}

function noTable(key: string): never {
  throw new StudyError('missing-artifact', `No table of features is open to find ${key} in.`);
}
