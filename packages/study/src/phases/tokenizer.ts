import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTokenizer,
  fromHuggingFace,
  parseTokenizer,
  SPECIAL,
  SPECIAL_TOKENS,
  stringifyTokenizer,
  type Tokenizer,
  trainBpe,
} from '@vlm/tokenizer';
import { checkFolder, publicTokenizerPath, publicVocabulary, tokenizerDigest } from '../data/public-checkpoint.ts';
import { eachSample } from '../data/read-group.ts';
import { type Skips, skipPolicy } from '../data/skip-policy.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { writeWhole } from '../store/whole-file.ts';
import { StudyError } from '../study-error.ts';
import { corpusFolder } from './corpus.ts';

/** A tokenizer with the ids that training needs at hand. */
export interface StudyTokenizer extends Tokenizer {
  readonly padId: number;
  readonly imageId: number;
}

const tokenizerFile = 'tokenizer.json';
const text = new TextDecoder();

/** Learns the merges of a byte-level BPE from training text, captions and conversations. */
export async function runTokenizer(context: PhaseContext): Promise<Record<string, unknown>> {
  const { phase, directory, parent, onProgress } = context;
  if (phase.files) return importPublicTokenizer(phase, directory);
  const settings = phase.settings as unknown as Recipe['tokenizer'] & Partial<Pick<Recipe['data'], 'brokenShards'>>;
  if (settings.file !== undefined) return importTokenizer(settings.file, directory);
  const { brokenShards = 'error' } = settings;
  const { onBroken, counts } = await skipPolicy(context, brokenShards);
  const texts: string[] = [];
  let bytes = 0;
  for await (const sample of trainingTexts(corpusFolder(parent('corpus')), onBroken)) {
    texts.push(sample);
    bytes += Buffer.byteLength(sample);
    if (bytes >= settings.maxTrainBytes) break;
  }
  onProgress({ fraction: 0.2, note: `learning merges from ${(bytes / 1e6).toFixed(1)} MB` });
  const data = trainBpe(texts, { vocabSize: settings.vocabSize });
  await writeWhole(join(directory, tokenizerFile), stringifyTokenizer(data));
  const tokenizer = createTokenizer(data);
  const sample = texts.slice(0, 2000).join('\n');
  const bytesPerToken = Buffer.byteLength(sample) / tokenizer.encode(sample).length;
  const skipped = brokenShards === 'error' ? {} : { skipped: await counts() };
  return { vocabSize: tokenizer.vocabSize, trainBytes: bytes, bytesPerToken, ...skipped };
}

/** Takes over a vocabulary in Hugging Face's `tokenizer.json` (GPT-NeoX's, for the paper), with the special tokens of pictures behind its last id. */
async function importTokenizer(file: string, directory: string): Promise<Record<string, unknown>> {
  const whole = fromHuggingFace(JSON.parse(await readFile(file, 'utf8')), { specialTokens: SPECIAL_TOKENS });
  await writeWhole(join(directory, tokenizerFile), stringifyTokenizer(whole));
  return { vocabSize: createTokenizer(whole).vocabSize, importedFrom: file };
}

/** Takes over the vocabulary of a public checkpoint. */
async function importPublicTokenizer(
  { id, settings, files }: PhaseContext['phase'],
  directory: string,
): Promise<Record<string, unknown>> {
  const { tokenizer: expected, end } = settings as { tokenizer: string; end?: number };
  const { folder } = files as { folder: string };
  await checkFolder(folder, id);
  const found = await tokenizerDigest(folder);
  const path = publicTokenizerPath(folder);
  if (found !== expected) {
    throw new StudyError(
      'bad-data',
      `${path}: expected a file with the SHA-256 ${expected}, got ${found}; it has changed.`,
    );
  }
  const data = publicVocabulary(JSON.parse(await readFile(path, 'utf8')), end);
  await writeWhole(join(directory, tokenizerFile), stringifyTokenizer(data));
  return { vocabSize: createTokenizer(data).vocabSize, importedFrom: path };
}

/** The tokenizer that a finished phase left. */
export async function loadTokenizer(directory: string): Promise<StudyTokenizer> {
  const tokenizer = createTokenizer(parseTokenizer(await readFile(join(directory, tokenizerFile), 'utf8')));
  return Object.assign(Object.create(tokenizer) as Tokenizer, {
    padId: tokenizer.special(SPECIAL.pad),
    imageId: tokenizer.special(SPECIAL.image),
  }) as StudyTokenizer;
}

/** Documents, captions and conversations in turn, so that any prefix holds all three. */
async function* trainingTexts(corpus: string, onBroken: Skips['onBroken']): AsyncGenerator<string> {
  const streams = [documents(corpus, onBroken), captions(corpus, onBroken), conversations(corpus, onBroken)];
  const open = new Set(streams);
  try {
    while (open.size > 0) {
      for (const stream of open) {
        const { done, value } = await stream.next();
        if (done) open.delete(stream);
        else yield value;
      }
    }
  } finally {
    for (const stream of open) await stream.return(undefined);
  }
}

async function* documents(corpus: string, onBroken: Skips['onBroken']): AsyncGenerator<string> {
  for await (const { members } of eachSample(corpus, 'text/train', { onBroken })) yield text.decode(members['txt']);
}

async function* captions(corpus: string, onBroken: Skips['onBroken']): AsyncGenerator<string> {
  for await (const { members } of eachSample(corpus, 'captions/train', { onBroken })) yield text.decode(members['txt']);
}

async function* conversations(corpus: string, onBroken: Skips['onBroken']): AsyncGenerator<string> {
  for await (const { members } of eachSample(corpus, 'conversations/train', { onBroken })) {
    const row = JSON.parse(text.decode(members['json'])) as { conversations: { from: string; value: string }[] };
    yield row.conversations.map((turn) => turn.value.replace('<image>\n', '')).join('\n');
  }
}
