import { join } from 'node:path';
import { type DecoderConfig, decoderTables, type ParameterArrays, readHuggingFace } from '@vlm/model';
import { beginRun } from '@vlm/trainer';
import { checkFolder, weightsDigest } from '../data/public-checkpoint.ts';
import { type PublicDecoder, textModelConfig } from '../model-config.ts';
import type { PhaseContext } from '../run-phase.ts';
import { StudyError } from '../study-error.ts';
import { finalName } from './main.ts';
import { loadTokenizer } from './tokenizer.ts';
import { finalCheckpoint } from './train-phase.ts';

interface CheckpointSettings {
  weights: string;
  model: PublicDecoder;
}

/**
 * Takes over the weights of a public checkpoint, in place of a main run: there are no moments of an optimizer, no schedule to continue and no place in
 * the data. Special tokens that its vocabulary has no row for get one, the mean of all.
 *
 * @throws StudyError `bad-data` where the files are not those that the study was planned with
 * @throws ModelError where tensors do not fit `config.json`
 */
export async function runCheckpoint(context: PhaseContext): Promise<Record<string, unknown>> {
  const { weights, model } = context.phase.settings as unknown as CheckpointSettings;
  const { folder } = context.phase.files as { folder: string };
  await checkFolder(folder, context.phase.id);
  const found = await weightsDigest(folder);
  if (found !== weights) {
    throw new StudyError(
      'bad-data',
      `${folder}: expected files with the SHA-256 ${weights}, got ${found}. They have changed, or the recipe names those of another checkpoint; ` +
        'without "identity" in the recipe it is read from the files.',
    );
  }
  const tokenizer = await loadTokenizer(context.parent('tokenizer'));
  const config = textModelConfig({ model }, tokenizer.vocabSize);
  const { decoder, params } = await readHuggingFace(folder, { sequenceLength: model.sequenceLength });
  const addedRows = config.decoder.vocabSize - decoder.vocabSize;
  const run = {
    run: context.phase.id,
    schedule: { kind: 'constant', lrPeak: 0, warmupSteps: 0 },
    numerics: 'none',
  } as const;
  const { state } = beginRun({ ...run, params: {} });
  const train = { params: withRows(decoder, params, addedRows), m: {}, v: {}, step: 0 };
  await finalCheckpoint(join(context.directory, 'checkpoints'), config).save({ train, state }, { name: finalName });
  const parameters = Object.values(train.params).reduce((sum, { length }) => sum + length, 0);
  return { parameters, family: decoder.family, vocabSize: decoder.vocabSize, addedRows, weights };
}

/** The embedding and the head with rows more, each the mean of the rows that were trained. */
function withRows(decoder: DecoderConfig, params: ParameterArrays, rows: number): ParameterArrays {
  if (rows === 0) return params;
  const { embedding, head } = decoderTables(decoder);
  const grown = new Set([embedding, head].filter((name) => params[name]));
  return Object.fromEntries(
    Object.entries(params).map(([name, values]) => [
      name,
      grown.has(name) ? withMeanRows(values, decoder.vocabSize, rows) : values,
    ]),
  );
}

function withMeanRows(values: Float32Array, vocabSize: number, rows: number): Float32Array {
  const width = values.length / vocabSize;
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i++) mean[i % width]! += values[i]! / vocabSize;
  const all = new Float32Array(values.length + rows * width);
  all.set(values);
  for (let row = 0; row < rows; row++) all.set(mean, values.length + row * width);
  return all;
}
