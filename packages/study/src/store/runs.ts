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
  /** Shows which phases it is at, at once, and how far they are, soon. */
  show(phases: Readonly<Record<string, PhaseProgress>>): void;
  /** The runs beside it. */
  others(): Promise<StudyRun[]>;
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
/** How often a run shows how far its phases are. */
const showMs = 5000;

/** Shows that this process runs a study, from now on, and how far it is. */
export async function showRun(files: RunFiles, run: Pick<StudyRun, 'study' | 'machine'>): Promise<ShownRun> {
  const { study } = run;
  const name = `${study}-${randomBytes(4).toString('hex')}.json`;
  const holder = thisHolder();
  let phases: Readonly<Record<string, PhaseProgress>> = {};
  let isNew = true;
  let isUrgent = false;
  let shownMs = 0;
  const write = async (): Promise<void> => {
    isNew = false;
    isUrgent = false;
    shownMs = Date.now();
    await files.write(name, JSON.stringify({ ...holder, ...run, phases, at: new Date(shownMs).toISOString() }));
  };
  await write();
  let writing: Promise<void> | undefined;
  const writeSoon = (): void => {
    writing ??= write()
      .catch(() => {}) // It is only shown; the next time will do.
      .finally(() => {
        writing = undefined;
        if (isUrgent) writeSoon();
      });
  };
  const beatMs = (1000 * claimLapseSeconds()) / 8;
  const timer = setInterval(
    () => {
      if (isNew || Date.now() - shownMs >= beatMs) writeSoon();
    },
    Math.min(showMs, beatMs),
  );
  timer.unref();
  return {
    show(now) {
      if (Object.keys(now).join() !== Object.keys(phases).join()) isUrgent = true;
      phases = now;
      isNew = true;
      if (isUrgent) writeSoon();
    },
    others: () => livingRuns(files, name),
    async end() {
      clearInterval(timer);
      isUrgent = false;
      await writing;
      await files.remove(name).catch(() => {});
    },
  };
}

/** Runs that show a sign of life, by this machine's clock. What died here, or was silent for a day, is removed. */
export async function livingRuns(files: RunFiles, besides?: string): Promise<StudyRun[]> {
  const names = (await files.list()).filter((name) => name.endsWith('.json') && name !== besides);
  const found = await Promise.all(names.map(readRun));
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
