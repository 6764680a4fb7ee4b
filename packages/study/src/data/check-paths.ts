import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { expandShards } from 'webdataset-ts';
import { StudyError } from '../study-error.ts';
import type { ExternalCorpus } from './external-corpus.ts';

/**
 * Makes sure that what a recipe names of the user's own is there, before hours of work begin. Of shards one of each list must be: a single one
 * that is missing is told, or left out, by whoever reads it.
 *
 * @throws StudyError `bad-data` naming every path that cannot be read, and the field that it stands in
 */
export async function checkPaths({ text, captions, conversations, benchmarks }: ExternalCorpus): Promise<void> {
  const named: [field: string, path: string][] = [
    ['conversations.file', conversations.file],
    ['conversations.images', conversations.images],
    ...benchmarks.flatMap(({ folder, images }, i): [string, string][] => [
      [`benchmarks.${i}.folder`, folder],
      [`benchmarks.${i}.images`, images],
    ]),
  ];
  const lists: [field: string, shards: readonly string[]][] = [
    ['text.shards', text.shards],
    ['text.heldOut', text.heldOut],
    ['captions.shards', captions.shards],
  ];
  const problems = [
    ...(await Promise.all(named.map(([field, path]) => problemOf(field, path)))),
    ...(await Promise.all(lists.map(([field, shards]) => problemOfList(field, expandShards(shards))))),
  ].filter((problem) => problem !== undefined);
  if (problems.length === 0) return;
  throw new StudyError('bad-data', `The corpus names what cannot be read:\n  - ${problems.join('\n  - ')}`);
}

async function problemOf(field: string, path: string): Promise<string | undefined> {
  try {
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `corpus.${field}: ${code === 'ENOENT' ? 'there is no' : `${code} at`} ${path}`;
  }
}

/** The problem of its first, where none can be read. What has an address elsewhere is asked when it is read. */
async function problemOfList(field: string, shards: readonly string[]): Promise<string | undefined> {
  let first: string | undefined;
  for (const shard of shards) {
    const problem = isAddress(shard) ? undefined : await problemOf(field, shard);
    if (problem === undefined) return undefined;
    first ??= problem;
  }
  return shards.length > 1 ? `${first}, nor any other of ${shards.length}` : first;
}

/** `https://…`, `pipe:…`; a single letter is a drive of Windows. */
export function isAddress(shard: string): boolean {
  return /^[a-z0-9]{2,}:/i.test(shard);
}
