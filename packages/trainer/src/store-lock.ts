/** One writer at a time: a file that says which process writes to a folder of checkpoints. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { isDead, isHere, isOfEarlierBoot, type ProcessHolder, thisHolder } from './holder.ts';
import { TrainerError } from './trainer-error.ts';

/** Files that this process holds: a lock with its number that is not among them was left by an earlier process of that number. */
const held = new Set<string>();
const LOCK = '.lock.json';

/**
 * Takes a folder for this run alone. A lock whose process is dead (killed, restarted, gone with the last boot) is taken over; one of another
 * machine or container cannot be checked and counts as held. A folder that cannot be written to is left without a lock: nobody else writes there either.
 *
 * @returns gives the folder back
 * @throws TrainerError `store-locked`
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const file = resolve(directory, LOCK);
  const mine = JSON.stringify(thisHolder());
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await mkdir(directory, { recursive: true });
      await writeFile(file, mine, { flag: 'wx' });
      held.add(file);
      return async () => {
        held.delete(file);
        // Whoever was told to delete a lock of a run that seemed gone may have let another run in.
        if ((await readFile(file, 'utf8').catch(() => undefined)) === mine) await rm(file, { force: true });
      };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') return async () => undefined; // Saving a checkpoint will say what is wrong with the folder.
    }
    await removeIfStale(file);
  }
  throw new TrainerError('store-locked', `Checkpoints: other runs took ${file} at this moment; run again.`);
}

async function removeIfStale(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return; // Given back meanwhile.
  refuseIfHeld(file, text);
  const aside = `${file}.stale-${process.pid}`;
  if (
    !(await rename(file, aside).then(
      () => true,
      () => false,
    ))
  )
    return; // Another run was faster.
  const moved = await readFile(aside, 'utf8').catch(() => text);
  if (moved === text) return rm(aside, { force: true });
  await rename(aside, file); // Another run had just taken it over: it is theirs.
  refuseIfHeld(file, moved);
}

function refuseIfHeld(file: string, text: string): void {
  const holder = holderOf(text);
  if (!holder || isStale(holder, file)) return;
  const elsewhere = holder.host === hostname() && !isHere(holder) ? ' in another container' : '';
  throw new TrainerError(
    'store-locked',
    `Checkpoints: expected ${join(file, '..')} for this run alone, got a run of process ${holder.pid} on ${holder.host}${elsewhere} that writes to it ` +
      `since ${holder.since}; wait for it, choose another folder, or delete ${file} if it is gone.`,
  );
}

/** `undefined` for a lock that was cut while it was written. */
function holderOf(text: string): ProcessHolder | undefined {
  try {
    const holder = JSON.parse(text) as ProcessHolder;
    return Number.isInteger(holder.pid) && typeof holder.host === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing renews a lock, so one that a boot outlived would hold for ever if its number, which another process may have by now, were asked. */
function isStale(holder: ProcessHolder, file: string): boolean {
  if (isOfEarlierBoot(holder)) return true;
  return isHere(holder) && holder.pid === process.pid ? !held.has(file) : isDead(holder);
}
