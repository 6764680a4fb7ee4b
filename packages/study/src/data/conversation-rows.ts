/** Rows of conversations as LLaVA publishes them, and what training asks of one. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { renderConversation, TokenizerError, type Turn } from '@vlm/tokenizer';
import { literalShard, readShards } from 'webdataset-ts';
import { listElements } from './json-list.ts';

/** As it should be; what a file holds is checked by {@link rowProblem}. */
export interface ConversationRow {
  id?: unknown;
  image?: string;
  conversations?: Turn[];
}

const decoder = new TextDecoder();

/** JSON of every row, in order: of a list, or of lines (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`). */
export async function* rowTexts(file: string): AsyncGenerator<string> {
  if (!/\.(jsonl|ndjson)(\.(gz|zst))?$/i.test(file)) {
    yield* listElements(createReadStream(file, { highWaterMark: 1 << 20 }), file);
    return;
  }
  for await (const { members } of readShards(literalShard(file), { format: 'jsonl' }))
    yield decoder.decode(members['json']);
}

export function isRow(row: unknown): row is ConversationRow {
  return typeof row === 'object' && row !== null;
}

/** Why training could not use a row, its kind before the first colon; undefined where it can. */
export async function rowProblem(row: unknown, images: string): Promise<string | undefined> {
  if (!isRow(row)) return `no object with conversations: ${JSON.stringify(row)}`;
  const { image, conversations: turns } = row;
  const problem = turnsProblem(turns);
  if (problem !== undefined) return problem;
  const marks = marksOf(turns!, 'human');
  if (marks !== (image === undefined ? 0 : 1))
    return `<image> marks that do not fit: ${marks} with ${image ?? 'no picture'}`;
  if (image === undefined) return undefined;
  if (typeof image !== 'string') return `an "image" that is no path: ${JSON.stringify(image)}`;
  const path = join(images, image);
  if (image === '' || /^\.\.([/\\]|$)/.test(relative(images, path))) return `a picture outside of its folder: ${image}`;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  return isThere ? undefined : `no such picture: ${path}`;
}

function turnsProblem(turns: readonly Turn[] | undefined): string | undefined {
  if (!Array.isArray(turns) || turns.length < 2) return 'fewer than two turns';
  const isInTurn = turns.every((turn, i) => turn?.from === (i % 2 === 0 ? 'human' : 'gpt'));
  if (!isInTurn || turns.length % 2 !== 0) return 'turns that do not alternate from human to gpt';
  const odd = turns.find(({ value }) => typeof value !== 'string');
  if (odd) return `a turn whose "value" is no text: ${JSON.stringify(odd.value)}`;
  if (turns.some(({ from, value }) => from === 'gpt' && value.trim() === '')) return 'an empty answer';
  if (marksOf(turns, 'gpt') > 0) return '<image> marks in an answer';
  const broken = turns.find(({ value }) => /\p{Surrogate}/u.test(value));
  if (broken) return `text with half a character (a lone surrogate): ${JSON.stringify(broken.value.slice(0, 80))}`;
  try {
    renderConversation(turns);
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    return `a conversation that cannot be encoded: ${error.message}`;
  }
}

function marksOf(turns: readonly Turn[], from: Turn['from']): number {
  return turns.reduce((sum, turn) => sum + (turn.from === from ? turn.value.split('<image>').length - 1 : 0), 0);
}
