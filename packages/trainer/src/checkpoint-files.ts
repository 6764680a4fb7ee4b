/** The file operations that a checkpoint store needs, as a seam: tests make them fail at will. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockDirectory } from './store-lock.ts';
import { TrainerError } from './trainer-error.ts';

export interface CheckpointFiles {
  read(path: string): Promise<Uint8Array>;
  /** Returns when the bytes are on the disk. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a folder with all in it; none there is fine. */
  remove(path: string): Promise<void>;
  /** Names in a folder; none when there is no such folder. */
  list(path: string): Promise<string[]>;
  /** Makes renames within the folder durable. */
  syncDirectory(path: string): Promise<void>;
  /** Takes a folder for one run alone, and returns what gives it back; absent: two runs at once are not detected. */
  lock?(path: string): Promise<() => Promise<void>>;
}

export const nodeFiles: CheckpointFiles = {
  async read(path) {
    const { buffer, byteOffset, length } = await readFile(path);
    return new Uint8Array(buffer, byteOffset, length); // not a Buffer: its slice() is a view
  },
  async write(path, bytes) {
    const file = await open(path, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true });
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  },
  async syncDirectory(path) {
    if (process.platform === 'win32') return; // folders cannot be opened there, and NTFS journals renames
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  lock: lockDirectory,
};

export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/** Turns what the operating system said into an error that says what to do. */
export function writeError(error: unknown, path: string): TrainerError {
  if (TrainerError.isInstance(error)) return error;
  const options = { cause: error };
  const safe = 'Earlier checkpoints are untouched.';
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new TrainerError(
        'no-space',
        `Checkpoint: no space left to write ${path}. ${safe} Free some space and run again.`,
        options,
      );
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new TrainerError(
        'read-only',
        `Checkpoint: ${path} cannot be written (${codeOf(error)}). ${safe} Choose a writable folder.`,
        options,
      );
    default:
      return new TrainerError('write-failed', `Checkpoint: writing ${path} failed: ${String(error)}. ${safe}`, options);
  }
}

/**
 * Reads one file of a checkpoint.
 *
 * @throws TrainerError `checkpoint-broken` when it is not there or the disk cannot give it back; `read-failed` when it may well be whole
 * but cannot be read now (no permission, too many open files): going back to an older checkpoint would then be wrong
 */
export async function readPart(files: CheckpointFiles, path: string, part: string): Promise<Uint8Array> {
  try {
    return await files.read(join(path, part));
  } catch (error) {
    const code = codeOf(error) ?? '';
    const options = { cause: error };
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EIO'].includes(code)) {
      throw new TrainerError(
        'checkpoint-broken',
        `Checkpoint ${path} is broken: ${part} is missing or unreadable (${code}).`,
        options,
      );
    }
    throw new TrainerError(
      'read-failed',
      `Checkpoint ${path}: ${part} cannot be read: ${String(error)}; try again.`,
      options,
    );
  }
}
