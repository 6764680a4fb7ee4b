import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EvalModel,
  type EvalProgress,
  type EvalRow,
  type RememberingModel,
  rememberAnswers,
  runBitsPerByte,
  runMultipleChoice,
  runVision,
  type VisionItem,
  visionTask,
} from '@vlm/evals';
import { onnxEngine } from '@vlm/jit';
import { createGenerator, type Generator, type ParameterArrays, type VlmConfig } from '@vlm/model';
import { readEvalItems } from '../data/eval-items.ts';
import { conversationModel, countingTruncations, textModel } from '../data/eval-models.ts';
import { openFeatures } from '../data/features.ts';
import { ownFeatures } from '../data/own-features.ts';
import { textModelConfig, visionModelConfig } from '../model-config.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { writeWhole } from '../store/whole-file.ts';
import { StudyError } from '../study-error.ts';
import { corpusFolder } from './corpus.ts';
import { finalName } from './main.ts';
import { openOwnEncoder, readOwnEncoder } from './own-encoder.ts';
import { loadTokenizer, type StudyTokenizer } from './tokenizer.ts';
import { finalCheckpoint } from './train-phase.ts';

type EvaluateSettings = Pick<Recipe['evaluate'], 'batchSize'> &
  Pick<Recipe, 'model' | 'projector' | 'threads'> & { suites: ('vision' | 'text')[]; seed: number; ownEncoder?: true };

/** Every answer of an evaluated model, one JSON object a line. */
export const rowsFile = 'rows.jsonl';

/** The answers that a finished phase left. */
export async function readRows(directory: string): Promise<EvalRow[]> {
  const text = await readFile(join(directory, rowsFile), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as EvalRow]));
}

/** Asks one model everything: vision with the item's picture, without, and with another one; text by log-likelihood. */
export async function runEvaluate(context: PhaseContext): Promise<Record<string, unknown>> {
  const settings = context.phase.settings as unknown as EvaluateSettings;
  const tokenizer = await loadTokenizer(context.parent('tokenizer'));
  const corpus = corpusFolder(context.parent('corpus'));
  const items = await readEvalItems(corpus);
  const hasVision = settings.suites.includes('vision');
  const features = hasVision ? await openFeatures(context.parent('features')) : undefined;
  const encoder = settings.ownEncoder ? await readOwnEncoder(context.parent('encoder')) : undefined;
  const config = features
    ? visionModelConfig(settings, tokenizer.vocabSize, features.width, encoder?.config)
    : textModelConfig(settings, tokenizer.vocabSize);
  const checkpoint = await finalCheckpoint(join(context.parent('model'), 'checkpoints'), config).open(finalName);
  const { params } = checkpoint.train;
  const generator = loadGenerator(config, params, tokenizer, settings);
  const options = { generator, tokenizer, maxLength: settings.model.sequenceLength };
  const progress = progressReporter(context, hasVision ? items : { ...items, vision: {} });
  const truncations = { contexts: 0 };
  const rows: EvalRow[] = [];
  const memories: RememberingModel<never>[] = [];
  // Answers are on the disk as they come: an evaluation that was stopped asks only what it has not asked.
  const remembering = <Image extends string>(name: string, model: EvalModel<Image>): EvalModel<Image> => {
    const path = join(context.directory, `answers-${name}.jsonl`);
    const memory = rememberAnswers(model, { path, model: context.phase.hash, nameOf: (key) => key });
    memories.push(memory as RememberingModel<never>);
    return memory;
  };
  try {
    if (features) {
      const seen = encoder ? await throughOwnEncoder(context, corpus, config, params) : features;
      const model = remembering('vision', conversationModel(options, seen));
      for (const task of Object.values(items.vision)) {
        rows.push(
          ...(await runVision(model, task, {
            image: (item) => items.pictures.get(item.id),
            batchSize: settings.batchSize * sortingWindow,
            seed: settings.seed,
            maxNewTokens: mostNewTokens(task[0]!, settings.model.sequenceLength),
            yesNo: { generate: false },
            onProgress: progress,
          })),
        );
        context.onCheckpoint();
        stopIfAborted(context);
      }
    }
    const model = countingTruncations(remembering('text', textModel(options)), options, truncations);
    for (const task of Object.values(items.text)) {
      rows.push(
        ...(await runMultipleChoice(model, task, {
          batchSize: settings.batchSize * sortingWindow,
          onProgress: progress,
        })),
      );
      context.onCheckpoint();
      stopIfAborted(context);
    }
    if (items.documents.length > 0) {
      // A piece of as many bytes as the window has tokens fits even where every byte is a token of its own.
      const pieceBytes = settings.model.sequenceLength - 8;
      rows.push(
        ...(await runBitsPerByte(model, items.documents, {
          pieceBytes,
          contextBytes: pieceBytes,
          batchSize: settings.batchSize * sortingWindow,
          onProgress: progress,
        })),
      );
    }
  } finally {
    for (const memory of memories) memory.close();
    await generator.dispose();
    features?.close();
  }
  await writeWhole(join(context.directory, rowsFile), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  for (const name of ['vision', 'text']) await rm(join(context.directory, `answers-${name}.jsonl`), { force: true });
  return { rows: rows.length, truncatedContexts: truncations.contexts };
}

/** Batches of the model that are sorted by length together: fewer padded positions. */
const sortingWindow = 8;

/** Room for an answer: what the task needs, and at most a quarter of the window, so that the picture and the question fit too. */
function mostNewTokens(item: VisionItem, sequenceLength: number): number {
  return Math.min(visionTask(item.task, item.target.kind).maxNewTokens, Math.floor(sequenceLength / 4));
}

/** Features of the pictures that are asked about, from the encoder that the model was trained with. */
async function throughOwnEncoder(context: PhaseContext, corpus: string, config: VlmConfig, params: ParameterArrays) {
  const encoder = await openOwnEncoder(config, params, context.phase.settings['threads'] as number);
  try {
    return await ownFeatures(corpus, encoder, (count) =>
      context.onProgress({ fraction: 0, note: `${count} pictures through the model’s own encoder` }),
    );
  } finally {
    await encoder.dispose();
  }
}

function loadGenerator(
  config: VlmConfig,
  params: ParameterArrays,
  tokenizer: StudyTokenizer,
  settings: EvaluateSettings,
): Generator {
  return createGenerator({
    config,
    params,
    engine: onnxEngine({ threads: settings.threads }),
    batchSize: settings.batchSize,
    imageToken: tokenizer.imageId,
  });
}

/** Turns the progress of single tasks into that of the whole phase. */
function progressReporter(
  context: PhaseContext,
  items: Awaited<ReturnType<typeof readEvalItems>>,
): (progress: EvalProgress) => void {
  const conditions = 3;
  const count = (tasks: Record<string, unknown[]>): number =>
    Object.values(tasks).reduce((sum, task) => sum + task.length, 0);
  const total = conditions * count(items.vision) + count(items.text) + items.documents.length;
  const done = new Map<string, number>();
  const startMs = Date.now();
  return ({ task, condition, done: soFar }) => {
    done.set(`${task}/${condition}`, soFar);
    const answered = [...done.values()].reduce((sum, value) => sum + value, 0);
    const seconds = Math.max(0.001, (Date.now() - startMs) / 1000);
    context.onProgress({
      fraction: answered / total,
      rate: answered / seconds,
      unit: 'answers',
      note: `${task}, ${condition}`,
    });
  };
}

function stopIfAborted(context: PhaseContext): void {
  if (context.signal.aborted)
    throw new StudyError('interrupted', 'Stopped; the evaluation goes on with the question it was at.');
}
