import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Phase } from './graph.ts';
import { explainFileError, StudyError } from './study-error.ts';

/** Layout of the store. A store of another version is refused, never converted in place. */
export const storeVersion = 1;

/** What a finished phase leaves beside its files. */
export interface PhaseRecord {
  id: string;
  kind: string;
  hash: string;
  finishedAt: string;
  /** Time that the attempt which finished the phase took, in seconds. */
  seconds: number;
  /** Peak resident memory of the phase's process in bytes. */
  peakBytes: number;
  /** Plain figures of the phase for the report (tokens, losses, counts). */
  summary: Record<string, unknown>;
}

/** A folder that keeps every phase's output under the phase's hash, so that nothing is ever done twice. */
export interface Store {
  readonly directory: string;
  /** Folder that a phase owns: `phases/<kind>-<hash>`. */
  phaseDirectory(phase: Pick<Phase, 'kind' | 'hash'>): string;
  /** The record of a finished phase; undefined while it is not finished. */
  record(phase: Pick<Phase, 'kind' | 'hash'>): Promise<PhaseRecord | undefined>;
  finish(phase: Phase, record: Omit<PhaseRecord, 'id' | 'kind' | 'hash'>): Promise<void>;
  /** Takes the store for this process alone; the returned function gives it back. */
  lock(): Promise<() => Promise<void>>;
  /** The process that has the store for itself at this moment; undefined where none has. */
  holder(): Promise<StoreHolder | undefined>;
}

export interface StoreHolder {
  pid: number;
  host: string;
  since: string;
}

/**
 * Opens a store, making it if it is not there.
 *
 * @throws StudyError `store-version` for a store written by another version, `store-damaged` for an unreadable one,
 *   `read-only` or `no-space` where it cannot be made.
 */
export async function openStore(directory: string): Promise<Store> {
  const versionFile = join(directory, 'store.json');
  try {
    await mkdir(join(directory, 'phases'), { recursive: true });
    const text = await readFile(versionFile, 'utf8').catch(() => undefined);
    if (text === undefined) await writeJson(versionFile, { storeVersion, madeBy: 'staged-vlm' });
    else checkVersion(text, versionFile);
  } catch (error) {
    throw explainFileError(error, directory);
  }
  return makeStore(directory);
}

function makeStore(directory: string): Store {
  const phaseDirectory: Store['phaseDirectory'] = (phase) => join(directory, 'phases', `${phase.kind}-${phase.hash}`);
  const recordFile = (phase: Pick<Phase, 'kind' | 'hash'>): string => join(phaseDirectory(phase), 'phase.json');
  return {
    directory,
    phaseDirectory,
    async record(phase) {
      const text = await readFile(recordFile(phase), 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      return parseRecord(text, recordFile(phase));
    },
    async finish(phase, record) {
      const { id, kind, hash } = phase;
      await writeJson(recordFile(phase), { id, kind, hash, ...record });
    },
    lock: () => lockStore(join(directory, 'lock.json')),
    holder: () => livingHolder(join(directory, 'lock.json')),
  };
}

function checkVersion(text: string, file: string): void {
  const found = parseJson(text, file) as { storeVersion?: unknown };
  if (found.storeVersion !== storeVersion) {
    throw new StudyError(
      'store-version',
      `Expected a store of version ${storeVersion} in ${dirname(file)}, got version ${JSON.stringify(found.storeVersion)}. ` +
        'Choose another folder with --store, or use the release of staged-vlm that wrote this one.',
    );
  }
}

function parseRecord(text: string, file: string): PhaseRecord {
  const record = parseJson(text, file) as PhaseRecord;
  if (typeof record.hash !== 'string' || typeof record.summary !== 'object') {
    throw new StudyError(
      'store-damaged',
      `Expected the record of a finished phase in ${file}. Delete that phase's folder and run again.`,
    );
  }
  return record;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StudyError(
      'store-damaged',
      `Expected JSON in ${file}: ${(error as Error).message}. Delete the file's folder and run again.`,
      { cause: error },
    );
  }
}

/** Writes JSON beside its place, flushes it to the disk and renames it: readers see the old file or the whole new one. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeWhole(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a file beside its place, flushes it and renames it. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
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
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainFileError(error, file);
  }
}

async function lockStore(file: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, mine, { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explainFileError(error, file);
      const holder = await livingHolder(file);
      if (holder) {
        throw new StudyError(
          'store-locked',
          `Another run (process ${holder.pid} on ${holder.host}, since ${holder.since}) is using this store. Wait for it, or delete ${file} if it is gone.`,
        );
      }
      await rm(file, { force: true });
    }
  }
  throw new StudyError('store-locked', `Another run took ${file} at this moment; try again.`);
}

/** Who wrote a lock, unless it died here without taking it away. A process on another machine is taken to live. */
async function livingHolder(file: string): Promise<StoreHolder | undefined> {
  const holder = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as StoreHolder)
    .catch(() => undefined);
  return holder && (holder.host !== hostname() || isAlive(holder.pid)) ? holder : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
