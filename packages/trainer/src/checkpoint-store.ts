/**
 * Checkpoints in a folder:
 *
 *     step-000000120/  weights.safetensors  moments.safetensors  state.json      the last few
 *     named-branch-80/ …                                                         kept for ever
 *
 * Each is written beside (`.writing-…`), synced and renamed into place, and `state.json` holds the sha256 of every part and of itself:
 * what can be read is whole. Who is killed while writing loses nothing but the checkpoint being written.
 */
import { join } from 'node:path';
import type { Signature } from '@vlm/jit';
import { type CheckpointFiles, nodeFiles, readPart, writeError } from './checkpoint-files.ts';
import { decodeCheckpoint, encodeCheckpoint, PARTS, readStateFile, STATE } from './checkpoint-format.ts';
import type { Checkpoint, RunStart } from './run-state.ts';
import { TrainerError } from './trainer-error.ts';

export interface CheckpointStoreOptions {
  directory: string;
  /** Shapes of the parameters, by name. */
  params: Signature;
  /** How many unnamed checkpoints to keep. Default 2. */
  keep?: number;
  files?: CheckpointFiles;
}

export interface CheckpointStore {
  readonly directory: string;
  /**
   * Writes a checkpoint. With a name it is kept for ever (and replaces an older one of that name), without one it is among the last few.
   * @throws TrainerError `bad-state`, `checkpoint-mismatch`, `no-space`, `read-only`, `write-failed`; what was there before is untouched
   */
  save(run: RunStart, options?: { name?: string }): Promise<void>;
  /**
   * The newest whole checkpoint, named or not; `undefined` in an empty store.
   * @param onBroken told of each newer one that is cut or corrupt
   * @throws TrainerError `checkpoint-broken` when there are some and none is whole, `checkpoint-version`, `checkpoint-mismatch`
   */
  latest(onBroken?: (problem: TrainerError) => void): Promise<Checkpoint | undefined>;
  /**
   * The checkpoint of that name, or of that step.
   * @throws TrainerError `no-checkpoint`, `checkpoint-broken`, `checkpoint-version`, `checkpoint-mismatch`
   */
  open(nameOrStep: string | number): Promise<Checkpoint>;
  /**
   * Takes the folder for one run alone, as `train` does while it runs. A killed run's lock is taken over.
   * @returns gives the folder back
   * @throws TrainerError `store-locked` when a process that lives, or one of another machine or container, holds it
   */
  lock(): Promise<() => Promise<void>>;
  /** What is there, oldest first, unread. */
  list(): Promise<{ folder: string; name?: string; step?: number }[]>;
}

/**
 * Opens a folder of checkpoints; it need not exist.
 *
 * @throws TrainerError `bad-option`
 * @example
 * const store = createCheckpointStore({ directory: 'runs/main', params: vlmParams(config) });
 * await store.save({ train: await step.getState(), state }, { name: 'branch-80' });
 * const checkpoint = await store.latest((problem) => report(problem.message));
 */
export function createCheckpointStore(options: CheckpointStoreOptions): CheckpointStore {
  const { directory, params, keep = 2, files = nodeFiles } = options;
  if (!Number.isInteger(keep) || keep < 1) {
    throw new TrainerError(
      'bad-option',
      `Checkpoint store: expected keep to be an integer of at least 1, got ${keep}.`,
    );
  }

  const list: CheckpointStore['list'] = async () => {
    const found = (await files.list(directory)).flatMap((folder) => parseFolder(folder) ?? []);
    return found.sort((a, b) => (a.step ?? -1) - (b.step ?? -1) || (a.folder < b.folder ? -1 : 1));
  };

  const load = async (folder: string, name?: string): Promise<Checkpoint> => {
    const path = join(directory, folder);
    const bytes: Record<string, Uint8Array> = {};
    for (const part of PARTS) bytes[part] = await readPart(files, path, part);
    const { checksum, train, state } = decodeCheckpoint(bytes, params, path);
    return { path, checksum, train, state, ...(name === undefined ? {} : { name }) };
  };

  return {
    directory,
    list,
    lock: async () => (await files.lock?.(directory)) ?? (async () => undefined),

    async save({ train, state }, { name } = {}) {
      if (name !== undefined) checkCheckpointName(name);
      const parts = encodeCheckpoint({ train, state }, params);
      if (name === undefined) await checkNoLater(state.step);
      const folder = name === undefined ? `step-${String(state.step).padStart(9, '0')}` : `named-${name}`;
      const [writing, target, old] = ['.writing-', '', '.old-'].map((prefix) => join(directory, prefix + folder)) as [
        string,
        string,
        string,
      ];
      try {
        await files.remove(writing);
        await files.makeDirectory(writing);
        for (const part of PARTS) await files.write(join(writing, part), parts[part]!);
        await files.syncDirectory(writing);
        if ((await files.list(directory)).includes(folder)) {
          await files.remove(old);
          await files.rename(target, old);
        }
        await files.rename(writing, target);
        await files.syncDirectory(directory);
        await files.remove(old);
        if (name === undefined) await prune(state.step);
      } catch (error) {
        await files.remove(writing).catch(() => undefined);
        throw writeError(error, target);
      }
    },

    async latest(onBroken) {
      const found = [];
      for (const { folder, name } of await list()) {
        found.push({ folder, name, step: await stepOf(folder) });
      }
      // At the same step one in place goes before one that was being replaced (`.old-…`).
      found.sort((a, b) => b.step - a.step || (a.folder < b.folder ? 1 : -1));
      for (const { folder, name } of found) {
        try {
          return await load(folder, name);
        } catch (error) {
          if (!TrainerError.isInstance(error) || error.code !== 'checkpoint-broken') throw error;
          onBroken?.(error);
        }
      }
      if (found.length === 0) return undefined;
      throw new TrainerError(
        'checkpoint-broken',
        `Checkpoints: none of the ${found.length} in ${directory} is whole; remove the folder to start from the beginning.`,
      );
    },

    async open(nameOrStep) {
      const byName = typeof nameOrStep === 'string';
      const candidates = await list();
      const matches = candidates.filter(({ name, step }) => (byName ? name : step) === nameOrStep);
      const match = matches.find(({ folder }) => !folder.startsWith('.')) ?? matches[0];
      if (!match) {
        const there = candidates.map(({ folder }) => folder).join(', ') || 'none';
        throw new TrainerError(
          'no-checkpoint',
          `Checkpoint: expected ${JSON.stringify(nameOrStep)} in ${directory}, got ${there}.`,
        );
      }
      return load(match.folder, match.name);
    },
  };

  /**
   * Unnamed checkpoints of a later step go when an earlier one is written; a named one stays, and the next run would go on from it.
   * @throws TrainerError `bad-state` where a whole one of a later step has a name
   */
  async function checkNoLater(step: number): Promise<void> {
    for (const { folder, name } of await list()) {
      if (name === undefined || (await stepOf(folder)) <= step || !(await isWhole(folder))) continue;
      throw new TrainerError(
        'bad-state',
        `Checkpoint: expected a step after the checkpoint ${JSON.stringify(name)} in ${directory}, got step ${step}, behind which a later start ` +
          `would not see it; go on from an earlier step in a folder of its own, or remove ${folder}.`,
      );
    }
  }

  async function isWhole(folder: string): Promise<boolean> {
    try {
      await load(folder);
      return true;
    } catch (error) {
      if (TrainerError.isInstance(error) && error.code === 'checkpoint-broken') return false;
      throw error;
    }
  }

  /** Keeps the last few; those of a later step belong to a future that was given up. */
  async function prune(step: number): Promise<void> {
    const unnamed = (await list()).filter(({ name }) => name === undefined);
    const past = unnamed.filter((entry) => entry.step! <= step);
    const future = unnamed.filter((entry) => entry.step! > step);
    for (const { folder } of [...past.slice(0, -keep), ...future]) await files.remove(join(directory, folder));
  }

  /** For the order alone: a folder whose state cannot be read is looked at first, so that it is reported. */
  async function stepOf(folder: string): Promise<number> {
    const known = parseFolder(folder)?.step;
    if (known !== undefined) return known;
    try {
      return readStateFile(await files.read(join(directory, folder, STATE)), folder).state.step;
    } catch (error) {
      if (TrainerError.isInstance(error) && error.code === 'checkpoint-version') throw error;
      return Number.POSITIVE_INFINITY;
    }
  }
}

/** @throws TrainerError `bad-option` unless a checkpoint can be kept under the name */
export function checkCheckpointName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return;
  throw new TrainerError(
    'bad-option',
    'Checkpoint: expected a name of at most 100 letters, digits, ".", "_" and "-" that begins with a letter or digit, ' +
      `got ${JSON.stringify(name)}.`,
  );
}

function parseFolder(folder: string): { folder: string; name?: string; step?: number } | undefined {
  const match = /^(?:\.old-)?(?:step-(\d+)|named-(.+))$/.exec(folder);
  if (!match) return undefined;
  return match[1] === undefined ? { folder, name: match[2]! } : { folder, step: Number(match[1]) };
}
