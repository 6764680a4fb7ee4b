import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What of a finished training phase stays on the disk. It is written into the phase's record. */
export const pruneRule = 'of a finished phase its named checkpoint alone';

/**
 * Removes the checkpoints between which an unfinished phase would go on: two of three, once the named one is there. Branches, fine-tunings and
 * evaluations read the named one.
 *
 * @returns how many went, and their bytes
 */
export async function pruneCheckpoints(
  directory: string,
): Promise<{ rule: string; checkpoints: number; bytes: number }> {
  const names = await readdir(directory).catch(() => []);
  const pruned = { rule: pruneRule, checkpoints: 0, bytes: 0 };
  if (!names.some((name) => name.startsWith('named-'))) return pruned;
  for (const name of names.filter((candidate) => /^step-\d+$/.test(candidate))) {
    const folder = join(directory, name);
    for (const file of await readdir(folder)) pruned.bytes += (await stat(join(folder, file))).size;
    await rm(folder, { recursive: true });
    pruned.checkpoints++;
  }
  return pruned;
}
