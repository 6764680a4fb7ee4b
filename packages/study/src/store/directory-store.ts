import { link, mkdir, open, opendir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PhaseKey, PhaseRecord, Store } from '../store.ts';
import { explainFileError } from '../study-error.ts';
import { type Claim, type ClaimFiles, type ClaimOptions, readClaimant, takeClaim } from './claim.ts';
import { livingRuns, type RunFiles, showRun } from './runs.ts';
import { checkVersion, notFinished, parseRecord, phaseName, versionText } from './store-files.ts';
import { readIfThere, writeBeside, writeWhole } from './whole-file.ts';

/**
 * A store in a folder of this machine, or of a file server that several machines mount (docs/decisions/0010-stores.md says what is relied on).
 */
export async function openDirectoryStore(directory: string): Promise<Store> {
  const versionFile = join(directory, 'store.json');
  try {
    await mkdir(join(directory, 'phases'), { recursive: true });
    const text = await readIfThere(versionFile);
    if (text === undefined) await writeWhole(versionFile, versionText());
    else checkVersion(text, versionFile);
  } catch (error) {
    throw explainFileError(error, directory);
  }
  const claims = new Map<string, Claim>();
  const phaseDirectory = (phase: PhaseKey): string => join(directory, 'phases', phaseName(phase));
  const recordFile = (phase: PhaseKey): string => join(phaseDirectory(phase), 'phase.json');
  const claimFolder = (phase: PhaseKey): string => join(directory, 'claims', phaseName(phase));
  const readRecord = async (phase: PhaseKey): Promise<PhaseRecord | undefined> => {
    let text = await readIfThere(recordFile(phase));
    if (text === undefined) {
      // A client of a file server may remember for a while that a name was not there; opening the folders makes it ask again.
      for (const folder of [join(directory, 'phases'), phaseDirectory(phase)]) await openFolder(folder);
      text = await readIfThere(recordFile(phase));
    }
    return text === undefined ? undefined : parseRecord(text, recordFile(phase));
  };
  return {
    location: directory,
    directory,
    phaseDirectory,
    record: readRecord,

    async claim(phase, options) {
      const isFinished = async (): Promise<boolean> => (await readRecord(phase)) !== undefined;
      const claim = await takeClaim(claimFiles(claimFolder(phase)), isFinished, options);
      if (claim) claims.set(phaseName(phase), claim);
      return claim;
    },
    claimant: (phase) => readClaimant(claimFiles(claimFolder(phase))),

    async fetch(phase) {
      if (!(await readRecord(phase))) throw notFinished(phase, directory);
      return async () => undefined;
    },
    async restoreProgress() {},
    async saveProgress(phase) {
      claims.get(phaseName(phase))?.signal.throwIfAborted();
    },

    async finish(phase, record) {
      const claim = claims.get(phaseName(phase));
      claim?.signal.throwIfAborted();
      const { id, kind, hash } = phase;
      const file = recordFile(phase);
      await createRecord(file, `${JSON.stringify({ id, kind, hash, ...record }, null, 2)}\n`);
      await claim?.release();
      return (await readRecord(phase))!;
    },

    peek: (phase, path) => readFile(join(phaseDirectory(phase), path)).catch(() => undefined),
    readShared: (path) => readFile(join(directory, path)).catch(() => undefined),
    async writeShared(path, content) {
      await writeWhole(join(directory, path), content);
      return join(directory, path);
    },
    showRun: (run) => showRun(runFiles(join(directory, 'runs')), run),
    runs: () => livingRuns(runFiles(join(directory, 'runs'))),
  };
}

/**
 * Takes a folder that several machines may mount for this process, as a phase is taken: waits while a living process has it, takes over from
 * one that is lost. The claims lie in the folder and stay there.
 *
 * @throws StudyError `interrupted` when the signal fires
 */
export async function takeFolder(folder: string, options?: ClaimOptions): Promise<Claim> {
  return (await takeClaim(claimFiles(folder), async () => false, options))!;
}

/** Opens a folder and closes it, whatever it holds: a store may have thousands of phases. */
async function openFolder(folder: string): Promise<void> {
  const opened = await opendir(folder).catch(() => undefined);
  await opened?.close();
}

/** What a file system without hard links (FAT, some network drives) answers when it is asked for one. */
const noLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Writes a file that must not be there, whole.
 *
 * @param withoutLinks how to do it where there are no hard links
 * @returns false where it is there already
 */
async function createWhole(
  file: string,
  text: string,
  withoutLinks: (temporary: string) => Promise<boolean>,
): Promise<boolean> {
  return writeBeside(file, text, async (temporary) => {
    try {
      await link(temporary, file);
      return true;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // A file server may answer a repeated request that the link is there when it has just made it.
      if (code === 'EEXIST') return (await readIfThere(file)) === text;
      if (!noLinks.has(code)) throw error;
      return withoutLinks(temporary);
    }
  });
}

/** A record without hard links: only whoever has the phase's claim writes one. */
function createRecord(file: string, text: string): Promise<boolean> {
  return createWhole(file, text, async (temporary) => {
    if ((await readIfThere(file)) !== undefined) return false;
    await rename(temporary, file);
    return true;
  });
}

/** A claim without hard links: created by one alone, and for a moment unreadable, which is a sign of life too. */
function createClaim(file: string, text: string): Promise<boolean> {
  return createWhole(file, text, () =>
    writeFile(file, text, { flag: 'wx', flush: true }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    ),
  );
}

function claimFiles(folder: string): ClaimFiles {
  const fileOf = (token: number): string => join(folder, `${String(token).padStart(6, '0')}.json`);
  return {
    async list() {
      const names = await readdir(folder).catch(() => []);
      return names.flatMap((name) => (/^\d+\.json$/.test(name) ? Number.parseInt(name, 10) : []));
    },
    create: (token, text) => createClaim(fileOf(token), text),
    read: (token) => readIfThere(fileOf(token)),
    // In place: a new file under an old name would be seen late by other clients of a file server.
    async write(token, text) {
      const file = await open(fileOf(token), 'r+');
      try {
        await file.write(text, 0);
        await file.truncate(Buffer.byteLength(text));
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

function runFiles(folder: string): RunFiles {
  return {
    list: () => readdir(folder).catch(() => []),
    read: (name) => readIfThere(join(folder, name)),
    write: (name, text) => writeWhole(join(folder, name), text),
    remove: (name) => rm(join(folder, name), { force: true }),
  };
}
