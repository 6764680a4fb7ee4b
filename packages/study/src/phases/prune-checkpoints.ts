import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What of a finished training phase stays on the disk. It is written into the phase's record. */
export const pruneRule = 'of a finished phase its named checkpoint alone';

/**
 * Removes the checkpoints between which an unfinished phase would go on: two of three, once the named one is there. Branches, fine-tunings and
 * evaluations read the named one, and so would a phase that was stopped before its record was written.
 *
 * @returns how many went: it depends on where a run was stopped, and so has no place in a phase's summary
 */
export async function pruneCheckpoints(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  if (!names.some((name) => name.startsWith('named-'))) return 0;
  const unnamed = names.filter((name) => /^step-\d+$/.test(name));
  for (const name of unnamed) await rm(join(directory, name), { recursive: true });
  return unnamed.length;
}
