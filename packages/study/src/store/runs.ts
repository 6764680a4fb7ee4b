/**
 * Who runs studies in a store, for people to see and for `study cancel` to find. Nothing depends on it: what keeps two workers from one phase
 * are claims.
 */
import { randomBytes } from 'node:crypto';
import type { PhaseProgress } from '../executor.ts';
import { claimLapseSeconds } from './claim.ts';
import { isDead, type StoreHolder, thisHolder } from './holder.ts';

/** A process that runs a study by itself. */
export interface StudyRun extends StoreHolder {
  /** Identity of its recipe. */
  study: string;
  /** What it runs on, in a line. */
  machine?: string;
  /** Phases that it is at, by hash, and how far each is. */
  phases?: Readonly<Record<string, PhaseProgress>>;
}

/** What a run shows of itself. */
export interface ShownRun {
  /** Shows it soon. */
  show(phases: Readonly<Record<string, PhaseProgress>>): void;
  /** Takes all back. */
  end(): Promise<void>;
}

/** Where runs show themselves: small files by name. */
export interface RunFiles {
  list(): Promise<string[]>;
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

const daySeconds = 86_400;
/** How often a run looks whether there is something new to show. */
const showMs = 5000;

/** Shows that this process runs a study, from now on, and how far it is. */
export async function showRun(files: RunFiles, run: Pick<StudyRun, 'study' | 'machine'>): Promise<ShownRun> {
  const { study } = run;
  const name = `${study}-${randomBytes(4).toString('hex')}.json`;
  const holder = thisHolder();
  let phases: StudyRun['phases'] = {};
  let isNew = true;
  let shownMs = 0;
  const write = async (): Promise<void> => {
    isNew = false;
    shownMs = Date.now();
    await files.write(name, JSON.stringify({ ...holder, ...run, phases, at: new Date(shownMs).toISOString() }));
  };
  await write();
  let writing: Promise<void> | undefined;
  const timer = setInterval(
    () => {
      if (!isNew && Date.now() - shownMs < (1000 * claimLapseSeconds()) / 8) return;
      writing ??= write()
        .catch(() => {}) // It is only shown; the next time will do.
        .finally(() => {
          writing = undefined;
        });
    },
    Math.min(showMs, (1000 * claimLapseSeconds()) / 8),
  );
  timer.unref();
  return {
    show(now) {
      phases = now;
      isNew = true;
    },
    async end() {
      clearInterval(timer);
      await writing;
      await files.remove(name).catch(() => {});
    },
  };
}

/** Runs that show a sign of life, by this machine's clock. What died here, or was silent for a day, is removed. */
export async function livingRuns(files: RunFiles): Promise<StudyRun[]> {
  const found = await Promise.all((await files.list()).filter((name) => name.endsWith('.json')).map(readRun));
  return found.filter((run) => run !== undefined);

  async function readRun(name: string): Promise<StudyRun | undefined> {
    const shown = parseRun(await files.read(name));
    if (!shown) return undefined;
    const { at, ...run } = shown;
    const silentSeconds = (Date.now() - Date.parse(at)) / 1000;
    const isGone = isDead(run);
    if (isGone || silentSeconds > daySeconds) await files.remove(name).catch(() => {});
    return isGone || silentSeconds > 3 * claimLapseSeconds() ? undefined : run;
  }
}

/** Half a file, or one that goes while it is read, shows nothing. */
function parseRun(text: string | undefined): (StudyRun & { at: string }) | undefined {
  try {
    const run = JSON.parse(text ?? '') as StudyRun & { at: string };
    return typeof run.pid === 'number' && typeof run.study === 'string' ? run : undefined;
  } catch {
    return undefined;
  }
}
