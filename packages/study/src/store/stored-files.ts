/** Lists of files that the store's objects hold: read, checked, and brought into a phase's local folder. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredFile } from '../store.ts';
import { explainFileError, StudyError } from '../study-error.ts';
import { inParallel } from './in-parallel.ts';
import type { LocalCache } from './local-cache.ts';
import type { Objects } from './objects.ts';
import { parseJson } from './store-files.ts';

/** Files of a phase on their way at a time. */
export const filesAtATime = 4;

const removeObject = 'Delete that object and run again.';

/** What an object lists under `files`; undefined where there is no such object. */
export async function readFilesOf(objects: Objects, key: string): Promise<readonly StoredFile[] | undefined> {
  const bytes = await objects.read(key);
  if (!bytes) return undefined;
  const found = parseJson(textOf(bytes), `${objects.location}/${key}`, removeObject) as { files?: StoredFile[] } | null;
  return found?.files;
}

/** What names files on this machine is not taken on trust. */
export function checkedFiles(files: readonly StoredFile[] | undefined, where: string): StoredFile[] {
  const isWhole = (file: StoredFile): boolean =>
    Number.isSafeInteger(file.bytes) &&
    /^[0-9a-f]{64}$/.test(file.sha256) &&
    typeof file.object === 'string' &&
    typeof file.path === 'string' &&
    !/(?:^|[/\\])\.\.?(?:[/\\]|$)|^[/\\]|^[a-z]:|\0/i.test(file.path);
  if (Array.isArray(files) && files.every(isWhole)) return [...files];
  throw new StudyError(
    'store-damaged',
    `Expected a list of files in ${where}, each with path, bytes, sha256 and object. ${removeObject}`,
  );
}

/** Brings what is not there yet of a phase's files into its local folder, compared. */
export async function downloadMissing(
  objects: Objects,
  cache: LocalCache,
  name: string,
  files: readonly StoredFile[],
  signal?: AbortSignal,
): Promise<void> {
  const missing = await absent(cache.phaseDirectory(name), files);
  if (missing.length === 0) return;
  try {
    await cache.makeRoom(missing.reduce((sum, { bytes }) => sum + bytes, 0));
    await inParallel(filesAtATime, missing, async ({ path, object, bytes, sha256 }) => {
      const target = join(cache.phaseDirectory(name), path);
      try {
        await objects.download(object, target, { bytes, sha256 }, signal);
      } catch (error) {
        throw explainFileError(error, target);
      }
    });
  } catch (error) {
    throw forPhase(error, name, objects.location);
  }
}

/** @throws StudyError `store-damaged` where the object is not what the list says */
export async function readStored(objects: Objects, { object, sha256 }: StoredFile): Promise<Uint8Array | undefined> {
  const bytes = await objects.read(object);
  if (bytes && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new StudyError(
      'store-damaged',
      `Expected content of sha256 ${sha256} in ${objects.location}/${object}, got another.`,
    );
  }
  return bytes;
}

async function absent(directory: string, files: readonly StoredFile[]): Promise<StoredFile[]> {
  const sizes = await Promise.all(
    files.map(({ path }) =>
      stat(join(directory, path)).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  );
  return files.filter(({ bytes }, i) => sizes[i] !== bytes);
}

/** Says what to do about a phase whose stored files are gone or damaged. */
function forPhase(error: unknown, name: string, location: string): unknown {
  if (!StudyError.isInstance(error) || error.code !== 'store-damaged') return error;
  return new StudyError(
    'store-damaged',
    `Phase ${name} cannot be fetched: ${error.message} Delete ${location}/phases/${name}/phase.json and ${location}/progress/${name}/ and run the study again: that phase is then made anew.`,
    { cause: error },
  );
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
