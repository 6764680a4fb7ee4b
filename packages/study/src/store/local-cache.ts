/**
 * Local copies of a store that is elsewhere, shared by all processes of this machine:
 *
 *     phases/<name>/      the phase's folder: a copy of what is finished, or the work of an attempt
 *     notes/<name>.json   what that folder is; its time says when it was last used
 *     attempts/<name>     under which name the attempt in that folder uploads
 *     pins/<name>/…       one file for each process that uses the folder
 *
 * Only a folder that the store could bring back, and that no living process uses, is ever removed.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StudyError } from '../study-error.ts';
import { isDead, type StoreHolder, thisHolder } from './holder.ts';
import { filesIn } from './phase-files.ts';
import { writeJson, writeWhole } from './whole-file.ts';

/** What a phase's local folder is, as far as the store knows it. */
export type CopyNote =
  /** The finished phase whose record has this digest; files that are there are whole. */
  | { kind: 'record'; digest: string }
  /** An attempt, at least as far as what was saved under this name. */
  | { kind: 'progress'; saved: string };

export interface LocalCache {
  readonly directory: string;
  phaseDirectory(name: string): string;
  note(name: string): Promise<CopyNote | undefined>;
  /** Says what the folder is, and that it was used now. */
  setNote(name: string, note: CopyNote): Promise<void>;
  /** Under which name the attempt in the folder uploads. */
  attempt(name: string): Promise<string | undefined>;
  setAttempt(name: string, attempt: string): Promise<void>;
  /** Puts an empty folder in the place of whatever is there. */
  replace(name: string, note?: CopyNote): Promise<void>;
  /** Keeps the folder from being removed, until the returned function is called or this process ends. */
  pin(name: string): Promise<() => Promise<void>>;
  /**
   * Makes room by removing what was not used for longest.
   *
   * @throws StudyError `no-space` where the disk has less than that even so
   */
  makeRoom(bytes: number): Promise<void>;
}

/** Longer than any of the few renames that are done under the lock. */
const lockLapseMs = 30_000;

export function openLocalCache(directory: string, mostBytes: number): LocalCache {
  const phaseDirectory = (name: string): string => join(directory, 'phases', name);
  const noteFile = (name: string): string => join(directory, 'notes', `${name}.json`);
  const attemptFile = (name: string): string => join(directory, 'attempts', name);
  const pinFolder = (name: string): string => join(directory, 'pins', name);
  const exclusively = <Result>(action: () => Promise<Result>): Promise<Result> =>
    underLock(join(directory, 'lock.json'), action);

  const discard = async (name: string): Promise<void> => {
    await rm(noteFile(name), { force: true });
    const trash = join(directory, 'trash', randomBytes(6).toString('hex'));
    await mkdir(join(directory, 'trash'), { recursive: true });
    await rename(phaseDirectory(name), trash).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
    await rm(trash, { recursive: true, force: true });
  };

  const isPinned = async (name: string): Promise<boolean> => {
    for (const pin of await namesIn(pinFolder(name))) {
      const file = join(pinFolder(name), pin);
      const holder = await readHolder(file);
      if (holder && !isDead(holder)) return true;
      await rm(file, { force: true });
    }
    return false;
  };

  const note = async (name: string): Promise<CopyNote | undefined> => {
    const text = await readFile(noteFile(name), 'utf8').catch(() => undefined);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as CopyNote);
    } catch {
      return undefined;
    }
  };

  return {
    directory,
    phaseDirectory,
    note,
    setNote: (name, value) => writeJson(noteFile(name), value),
    attempt: (name) => readFile(attemptFile(name), 'utf8').catch(() => undefined),
    setAttempt: (name, attempt) => writeWhole(attemptFile(name), attempt),

    replace: (name, value) =>
      exclusively(async () => {
        // Another process may have done the same a moment ago, and be filling it.
        if (value?.kind === 'record') {
          const there = await note(name);
          if (there?.kind === 'record' && there.digest === value.digest) return;
        }
        await discard(name);
        await mkdir(phaseDirectory(name), { recursive: true });
        if (value) await writeJson(noteFile(name), value);
      }),

    async pin(name) {
      const file = join(pinFolder(name), randomBytes(6).toString('hex'));
      await exclusively(async () => {
        await mkdir(pinFolder(name), { recursive: true });
        await writeFile(file, JSON.stringify(thisHolder()));
        const now = new Date();
        await utimes(noteFile(name), now, now).catch(() => undefined);
      });
      return () => rm(file, { force: true });
    },

    async makeRoom(bytes) {
      const names = await namesIn(join(directory, 'phases'));
      const folders = await Promise.all(
        names.map(async (name) => ({
          name,
          bytes: await bytesIn(phaseDirectory(name)),
          usedMs: await stat(noteFile(name)).then(
            ({ mtimeMs }) => mtimeMs,
            () => undefined,
          ),
        })),
      );
      let total = folders.reduce((sum, folder) => sum + folder.bytes, 0);
      const isTight = async (): Promise<boolean> => total + bytes > mostBytes || (await freeBytes(directory)) < bytes;
      const candidates = folders.filter(({ usedMs }) => usedMs !== undefined).sort((a, b) => a.usedMs! - b.usedMs!);
      for (const { name, bytes: size } of candidates) {
        if (!(await isTight())) return;
        const isRemoved = await exclusively(async () => {
          if (await isPinned(name)) return false;
          await discard(name);
          return true;
        });
        if (isRemoved) total -= size;
      }
      const free = await freeBytes(directory);
      if (free < bytes) {
        throw new StudyError(
          'no-space',
          `Expected ${bytes} bytes of free space in ${directory} for what must be fetched, got ${free}, and what else is there is in use. Free some space, or name another folder with STAGED_VLM_CACHE.`,
        );
      }
    },
  };
}

async function freeBytes(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

async function bytesIn(directory: string): Promise<number> {
  const files = await filesIn(directory);
  const sizes = files.map((path) =>
    stat(join(directory, path)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

async function readHolder(file: string): Promise<StoreHolder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StoreHolder;
  } catch {
    return undefined;
  }
}

/** One process of this machine at a time; one that died, or stands still, does not hold up the others. */
async function underLock<Result>(file: string, action: () => Promise<Result>): Promise<Result> {
  const mine = JSON.stringify({ ...thisHolder(), nonce: randomBytes(6).toString('hex') });
  for (;;) {
    await mkdir(join(file, '..'), { recursive: true });
    const isMine = await writeFile(file, mine, { flag: 'wx' }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    if (isMine) break;
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    const holder = await readHolder(file);
    if ((holder && isDead(holder)) || age > lockLapseMs) {
      // Of several that find it so, one moves it away.
      const aside = `${file}.${randomBytes(4).toString('hex')}`;
      await rename(file, aside).catch(() => undefined);
      await rm(aside, { force: true });
    } else {
      await sleep(10);
    }
  }
  try {
    return await action();
  } finally {
    if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true });
  }
}
