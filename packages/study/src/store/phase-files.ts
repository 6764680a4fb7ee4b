/** Which files of a phase's folder are worth keeping, and what they are. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileFacts } from './objects.ts';

export interface PhaseFile extends FileFacts {
  /** Relative to the phase's folder, with `/`. */
  path: string;
}

const stepCheckpoint = /(?:^|\/)checkpoints\/step-(\d+)\//;

/** Half-written files, locks, and the record itself. */
function isScratch(path: string): boolean {
  return path === 'phase.json' || /\.tmp$|(?:^|\/)(?:\.lock|\.writing-|\.old-)/.test(path);
}

/** Unnamed checkpoints are only for going on; a finished phase does not need them. */
export function isResult(path: string): boolean {
  return !isScratch(path) && !stepCheckpoint.test(path);
}

/** Of unnamed checkpoints the newest is enough: what is fetched is compared. */
export function progressOf(paths: readonly string[]): string[] {
  const steps = paths.flatMap((path) => stepCheckpoint.exec(path)?.[1] ?? []).map(Number);
  const newest = Math.max(-1, ...steps);
  return paths.filter((path) => {
    const step = stepCheckpoint.exec(path)?.[1];
    return !isScratch(path) && (step === undefined || Number(step) === newest);
  });
}

/** Paths of all files of a folder, in order; none where there is no folder. */
export async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

/** Remembers what it has read, as long as a file's size, time and place on the disk stay the same. */
export type FileReader = (directory: string, path: string) => Promise<PhaseFile>;

export function fileReader(): FileReader {
  const known = new Map<string, { state: string; sha256: string }>();
  return async (directory, path) => {
    const file = join(directory, path);
    const { size: bytes, mtimeMs, ino } = await stat(file);
    const state = `${bytes} ${mtimeMs} ${ino}`;
    const before = known.get(file);
    if (before?.state === state) return { path, bytes, sha256: before.sha256 };
    const sha256 = await hashOf(file, bytes);
    known.set(file, { state, sha256 });
    return { path, bytes, sha256 };
  };
}

/** Of the file's first bytes: a log may grow while it is read. */
async function hashOf(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  if (bytes === 0) return hash.digest('hex');
  for await (const chunk of createReadStream(file, { end: bytes - 1, highWaterMark: 2 ** 20 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
