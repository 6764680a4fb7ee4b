/**
 * Checkpoints in a folder:
 *
 *     step-000000120/  weights.safetensors  moments.safetensors  state.json      the last few
 *     named-branch-80/ …                                                         kept for ever
 *
 * Each is written beside (`.writing-…`), synced and renamed into place, and `state.json` holds the sha256 of every part and of itself:
 * what can be read is whole. Who is killed while writing loses nothing but the checkpoint being written.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Signature, TrainState } from '@vlm/jit';
import { readSafetensors, writeSafetensors } from '@vlm/model';
import { type CheckpointFiles, codeOf, nodeFiles, writeError } from './checkpoint-files.ts';
import type { Checkpoint, RunStart, RunState } from './run-state.ts';
import { TrainerError } from './trainer-error.ts';

const VERSION = 1;
const WEIGHTS = 'weights.safetensors';
const MOMENTS = 'moments.safetensors';
const STATE = 'state.json';

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
   * @throws TrainerError `no-space`, `read-only`, `write-failed`; what was there before is untouched
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
  /** What is there, oldest first, unread. */
  list(): Promise<{ folder: string; name?: string; step?: number }[]>;
}

interface StateFile {
  format: 'staged-vlm-checkpoint';
  version: number;
  state: RunState;
  optimizerStep: number;
  parts: Record<string, { bytes: number; sha256: string }>;
  /** Over the JSON of all the above. */
  sha256: string;
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
    const header = readHeader(await readPart(files, path, STATE), path);
    const bytes: Record<string, Uint8Array> = {};
    for (const part of [WEIGHTS, MOMENTS]) {
      bytes[part] = await readPart(files, path, part);
      const expected = header.parts[part];
      if (!expected || bytes[part].length !== expected.bytes || sha256(bytes[part]) !== expected.sha256) {
        throw broken(
          path,
          `${part} is not the one that was written (${bytes[part].length} of ${expected?.bytes} bytes)`,
        );
      }
    }
    const { state, optimizerStep, sha256: checksum } = header;
    const train: TrainState = {
      params: readTensors(bytes[WEIGHTS]!, params, '', path),
      m: readTensors(bytes[MOMENTS]!, params, 'm.', path),
      v: readTensors(bytes[MOMENTS]!, params, 'v.', path),
      step: optimizerStep,
    };
    const missing = Object.keys(params).filter((parameter) => !Object.hasOwn(train.params, parameter));
    if (missing.length > 0) throw mismatch(path, `parameter ${missing.join(', ')}, which it lacks`);
    return { path, checksum, train, state, ...(name === undefined ? {} : { name }) };
  };

  return {
    directory,
    list,

    async save({ train, state }, { name } = {}) {
      if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
        throw new TrainerError(
          'bad-option',
          `Checkpoint: expected a name of letters, digits, ".", "_" and "-", got ${JSON.stringify(name)}.`,
        );
      }
      const folder = name === undefined ? `step-${String(state.step).padStart(9, '0')}` : `named-${name}`;
      const [writing, target, old] = ['.writing-', '', '.old-'].map((prefix) => join(directory, prefix + folder)) as [
        string,
        string,
        string,
      ];
      const parts = {
        [WEIGHTS]: writeSafetensors(withShapes(train.params, params, ''), { format: 'pt' }),
        [MOMENTS]: writeSafetensors({ ...withShapes(train.m, params, 'm.'), ...withShapes(train.v, params, 'v.') }),
      };
      try {
        await files.remove(writing);
        await files.makeDirectory(writing);
        for (const [part, bytes] of Object.entries(parts)) await files.write(join(writing, part), bytes);
        await files.write(join(writing, STATE), stateFile(state, train.step, parts));
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
      return readHeader(await files.read(join(directory, folder, STATE)), folder).state.step;
    } catch (error) {
      if (TrainerError.isInstance(error) && error.code === 'checkpoint-version') throw error;
      return Number.POSITIVE_INFINITY;
    }
  }
}

function parseFolder(folder: string): { folder: string; name?: string; step?: number } | undefined {
  const match = /^(?:\.old-)?(?:step-(\d+)|named-(.+))$/.exec(folder);
  if (!match) return undefined;
  return match[1] === undefined ? { folder, name: match[2]! } : { folder, step: Number(match[1]) };
}

function stateFile(state: RunState, optimizerStep: number, parts: Record<string, Uint8Array>): Uint8Array {
  const sums = Object.entries(parts).map(([part, bytes]) => [part, { bytes: bytes.length, sha256: sha256(bytes) }]);
  const content = {
    format: 'staged-vlm-checkpoint',
    version: VERSION,
    state,
    optimizerStep,
    parts: Object.fromEntries(sums),
  };
  const signed = { ...content, sha256: sha256(JSON.stringify(content)) };
  return new TextEncoder().encode(`${JSON.stringify(signed, null, 1)}\n`);
}

function readHeader(bytes: Uint8Array, path: string): StateFile {
  let file: StateFile;
  try {
    file = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw broken(path, `${STATE} is not JSON`);
  }
  if (file?.format !== 'staged-vlm-checkpoint') throw broken(path, `${STATE} is not that of a checkpoint`);
  if (file.version !== VERSION) {
    throw new TrainerError(
      'checkpoint-version',
      `Checkpoint ${path}: expected version ${VERSION}, got ${JSON.stringify(file.version)}; read it with the release that wrote it, or start a new store.`,
    );
  }
  const { sha256: expected, ...content } = file;
  if (sha256(JSON.stringify(content)) !== expected) throw broken(path, `${STATE} is not the one that was written`);
  return file;
}

async function readPart(files: CheckpointFiles, path: string, part: string): Promise<Uint8Array> {
  try {
    return await files.read(join(path, part));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw broken(path, `${part} is missing`);
    throw new TrainerError('checkpoint-broken', `Checkpoint ${path}: ${part} cannot be read: ${String(error)}`, {
      cause: error,
    });
  }
}

type Shaped = Record<string, { shape: readonly number[]; data: Float32Array }>;

function withShapes(arrays: Record<string, Float32Array>, params: Signature, prefix: string): Shaped {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => {
      const spec = Object.hasOwn(params, name) ? params[name] : undefined;
      if (!spec) {
        throw new TrainerError(
          'checkpoint-mismatch',
          `Checkpoint: the store knows no shape of parameter ${JSON.stringify(name)}; give it in params.`,
        );
      }
      return [prefix + name, { shape: spec.shape, data }];
    }),
  );
}

/** In the order of `params`, so that whatever sums over them sums in the same order. */
function readTensors(bytes: Uint8Array, params: Signature, prefix: string, path: string): Record<string, Float32Array> {
  const { tensors } = readSafetensors(bytes);
  const arrays: Record<string, Float32Array> = {};
  let taken = 0;
  for (const [name, spec] of Object.entries(params)) {
    const tensor = tensors.get(prefix + name);
    if (!tensor) continue;
    const shape = `[${tensor.shape.join(', ')}] ${tensor.dtype}`;
    const expected = `[${spec.shape.join(', ')}] F32`;
    if (shape !== expected || !(tensor.data instanceof Float32Array))
      throw mismatch(path, `${name} as ${expected}, got ${shape}`);
    arrays[name] = tensor.data;
    taken++;
  }
  const there = [...tensors.keys()].filter((name) => name.startsWith(prefix));
  if (there.length > taken) {
    const unknown = there.filter((name) => !Object.hasOwn(params, name.slice(prefix.length)));
    throw mismatch(path, `no parameter ${unknown.map((name) => name.slice(prefix.length)).join(', ')}`);
  }
  return arrays;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function broken(path: string, what: string): TrainerError {
  return new TrainerError('checkpoint-broken', `Checkpoint ${path} is broken: ${what}.`);
}

function mismatch(path: string, what: string): TrainerError {
  return new TrainerError('checkpoint-mismatch', `Checkpoint ${path}: expected ${what}; is it of the same model?`);
}
