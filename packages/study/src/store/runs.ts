/**
 * Who runs studies in a store, for people to see and for `study cancel` to find. Nothing depends on it: what keeps two workers from one phase
 * are claims.
 */
import { randomBytes } from 'node:crypto';
import { claimLapseSeconds } from './claim.ts';
import { isDead, type StoreHolder, thisHolder } from './holder.ts';

/** A process that runs a study by itself. */
export interface StudyRun extends StoreHolder {
  /** Identity of its recipe. */
  study: string;
}

/** Where runs show themselves: small files by name. */
export interface RunFiles {
  list(): Promise<string[]>;
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

const daySeconds = 86_400;

/** Shows that this process runs a study, again and again. @returns takes it back */
export async function showRun(files: RunFiles, study: string): Promise<() => Promise<void>> {
  const run: StudyRun = { ...thisHolder(), study };
  const name = `${study}-${randomBytes(4).toString('hex')}.json`;
  const show = (): Promise<void> => files.write(name, JSON.stringify({ ...run, at: new Date().toISOString() }));
  await show();
  let showing: Promise<void> | undefined;
  const again = (): void => {
    showing ??= show()
      .catch(() => {}) // It is only shown; the next time will do.
      .finally(() => {
        showing = undefined;
      });
  };
  const timer = setInterval(again, (1000 * claimLapseSeconds()) / 8);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await showing;
    await files.remove(name).catch(() => {});
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
