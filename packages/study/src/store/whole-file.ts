import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explainFileError } from '../study-error.ts';

/** Writes JSON beside its place, flushes it to the disk and renames it: readers see the old file or the whole new one. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeWhole(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a file beside its place, flushes it and renames it. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await writeBeside(file, content, (temporary) => rename(temporary, file));
}

/**
 * Writes a file, flushes it to the disk and hands over its temporary name, which must be gone or no longer needed afterwards.
 *
 * @throws StudyError `no-space` or `read-only` naming the file
 */
export async function writeBeside<Result>(
  file: string,
  content: string | Uint8Array,
  place: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return await place(temporary);
  } catch (error) {
    throw explainFileError(error, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Only what is not there is taken for absent: a file that cannot be read now may be a result. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
