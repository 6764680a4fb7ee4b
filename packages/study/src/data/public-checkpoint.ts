import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DecoderConfig, huggingFaceDecoder } from '@vlm/model';
import { createTokenizer, fromHuggingFace, SPECIAL_TOKENS, type TokenizerData } from '@vlm/tokenizer';
import type { PublicDecoder } from '../model-config.ts';
import type { PublicCheckpoint, Recipe } from '../recipe.ts';
import { StudyError } from '../study-error.ts';

/**
 * Checkpoints that somebody else trained and published, in folders as the hub has them: `config.json`, safetensors, `tokenizer.json`. A study knows
 * them by what is in these files, wherever they lie.
 */

const configFile = 'config.json';
const tokenizerFile = 'tokenizer.json';
/** A vocabulary may be padded to a round number; one that is smaller by more than this share belongs to another model. */
const mostPadding = 0.1;

/**
 * Reads what a recipe leaves open about its public checkpoints: the identity of their files and the shape of their decoders. What the recipe says
 * itself is taken as it is, and compared when the checkpoint is taken over; a recipe that says all needs no files to be planned.
 *
 * @throws StudyError `bad-recipe` naming the checkpoint and what is missing or does not fit
 */
export async function resolvePublicCheckpoints(recipe: Recipe): Promise<Recipe> {
  if (!recipe.public) return recipe;
  const checkpoints: PublicCheckpoint[] = [];
  for (const checkpoint of recipe.public.checkpoints) checkpoints.push(await resolved(checkpoint, recipe));
  return { ...recipe, public: { ...recipe.public, checkpoints } };
}

async function resolved(checkpoint: PublicCheckpoint, { model }: Recipe): Promise<PublicCheckpoint> {
  const { name, folder, identity } = checkpoint;
  if (identity) return checkpoint;
  const where = `public checkpoint "${name}" (${folder})`;
  const [config, tokenizer] = await Promise.all(
    [configFile, tokenizerFile].map((file) => readFile(join(folder, file), 'utf8').catch(() => undefined)),
  );
  if (config === undefined) {
    throw bad(where, `there is no ${configFile}`, 'give the folder of one revision as it is downloaded from the hub');
  }
  if (tokenizer === undefined) {
    throw bad(where, `there is no ${tokenizerFile}`, 'a model is of no use with another vocabulary than its own');
  }
  try {
    const decoder = huggingFaceDecoder(JSON.parse(config));
    checkLength(model.sequenceLength, decoder, where);
    const end = endOfText(JSON.parse(config));
    checkVocabulary(fromHuggingFace(JSON.parse(tokenizer)), decoder.vocabSize, where);
    return {
      ...checkpoint,
      identity: {
        weights: await weightsDigest(folder),
        tokenizer: digest(tokenizer),
        ...(end === undefined ? {} : { end }),
      },
      decoder: { ...(decoder as PublicDecoder), sequenceLength: model.sequenceLength },
    };
  } catch (error) {
    if (StudyError.isInstance(error)) throw error;
    throw bad(where, (error as Error).message, undefined, error);
  }
}

function checkLength(length: number, { sequenceLength: most }: DecoderConfig, where: string): void {
  if (length <= most) return;
  throw bad(where, `it knows positions up to ${most}, and model.sequenceLength is ${length}`, 'shorten the rows');
}

/** @throws StudyError `bad-recipe` where a tokenizer cannot be the one that a model of this vocabulary was trained with */
function checkVocabulary(data: TokenizerData, rows: number, where: string): void {
  const { vocabSize } = createTokenizer(data);
  if (vocabSize <= rows && vocabSize >= (1 - mostPadding) * rows) return;
  throw bad(
    where,
    `its ${tokenizerFile} has ${vocabSize} ids, and its embedding ${rows} rows`,
    'are both of the same model?',
  );
}

/** The id behind which the model expects a new document. */
function endOfText({ eos_token_id: end }: { eos_token_id?: unknown }): number | undefined {
  const first = Array.isArray(end) ? (end as unknown[])[0] : end;
  return typeof first === 'number' ? first : undefined;
}

/**
 * The vocabulary of a public model for training on pictures: its own end of text under the name that the study knows it by, and the special tokens of
 * pictures behind its last id.
 */
export function publicVocabulary(json: unknown, end: number | undefined): TokenizerData {
  const own = Object.entries(fromHuggingFace(json).specials).find(([, id]) => id === end)?.[0];
  return fromHuggingFace(json, { ...(own === undefined ? {} : { endOfText: own }), specialTokens: SPECIAL_TOKENS });
}

/**
 * SHA-256 over the configuration and the weights of a checkpoint, by the names of their files within the folder.
 *
 * @throws StudyError `bad-recipe` where there are no safetensors
 */
export async function weightsDigest(folder: string): Promise<string> {
  const there = await readdir(folder);
  const weights = there
    .filter((name) => name.endsWith('.safetensors') || name === 'model.safetensors.index.json')
    .sort();
  if (weights.length === 0) {
    const found = there.filter((name) => /\.(bin|pth?|gguf)$/.test(name)).join(', ');
    throw bad(
      folder,
      `it has no *.safetensors${found ? `, only ${found}` : ''}`,
      'take a revision that has them, or convert it',
    );
  }
  const hash = createHash('sha256');
  for (const name of [configFile, ...weights]) hash.update(`${name} ${await fileDigest(join(folder, name))}\n`);
  return hash.digest('hex');
}

export async function tokenizerDigest(folder: string): Promise<string> {
  return digest(await readFile(join(folder, tokenizerFile), 'utf8'));
}

export const publicTokenizerPath = (folder: string): string => join(folder, tokenizerFile);

/** @throws StudyError `missing-here` on a machine that does not have the folder */
export async function checkFolder(folder: string, name: string): Promise<void> {
  await access(folder).catch((cause) => {
    throw new StudyError(
      'missing-here',
      `Public checkpoint "${name}": there is no folder ${folder} here. It must be at that path wherever its phases run.`,
      { cause },
    );
  });
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 4 << 20 })) hash.update(part as Buffer);
  return hash.digest('hex');
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function bad(where: string, what: string, todo?: string, cause?: unknown): StudyError {
  return new StudyError(
    'bad-recipe',
    `${where}: ${what}${todo ? `; ${todo}` : ''}.`,
    cause === undefined ? {} : { cause },
  );
}
