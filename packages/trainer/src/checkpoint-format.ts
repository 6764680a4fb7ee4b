/** The bytes of a checkpoint: which files, and how each is known to be whole. */
import { createHash } from 'node:crypto';
import type { Signature, TrainState } from '@vlm/jit';
import { readSafetensors, writeSafetensors } from '@vlm/model';
import type { RunStart, RunState } from './run-state.ts';
import { TrainerError } from './trainer-error.ts';

const FORMAT = 'staged-vlm-checkpoint';
const VERSION = 1;
const WEIGHTS = 'weights.safetensors';
const MOMENTS = 'moments.safetensors';
export const STATE = 'state.json';
/** In the order in which they are written; the state, which vouches for the others, comes last. */
export const PARTS: readonly string[] = [WEIGHTS, MOMENTS, STATE];

interface StateFile {
  format: typeof FORMAT;
  version: number;
  state: RunState;
  optimizerStep: number;
  parts: Record<string, { bytes: number; sha256: string }>;
  /** Over the JSON of all the above. */
  sha256: string;
}

/** @throws TrainerError `checkpoint-mismatch` for parameters whose shape is not known or that are missing, `bad-state` for a step that is none */
export function encodeCheckpoint({ train, state }: RunStart, params: Signature): Record<string, Uint8Array> {
  checkStep('state.step', state.step);
  checkStep('train.step', train.step);
  const missing = missingParameters(train, params);
  if (missing)
    throw new TrainerError('checkpoint-mismatch', `Checkpoint: expected parameter ${missing}, which the state lacks.`);
  const tensors = {
    [WEIGHTS]: writeSafetensors(withShapes(train.params, params, ''), { format: 'pt' }),
    [MOMENTS]: writeSafetensors({ ...withShapes(train.m, params, 'm.'), ...withShapes(train.v, params, 'v.') }),
  };
  const parts = Object.fromEntries(
    Object.entries(tensors).map(([part, bytes]) => [part, { bytes: bytes.length, sha256: sha256(bytes) }]),
  );
  const content = { format: FORMAT, version: VERSION, state, optimizerStep: train.step, parts };
  const file = { ...content, sha256: sha256(JSON.stringify(content)) };
  return { ...tensors, [STATE]: new TextEncoder().encode(`${JSON.stringify(file, null, 1)}\n`) };
}

/** @throws TrainerError `checkpoint-broken`, `checkpoint-version`, `checkpoint-mismatch` */
export function decodeCheckpoint(
  bytes: Record<string, Uint8Array>,
  params: Signature,
  path: string,
): RunStart & { checksum: string } {
  const file = readStateFile(bytes[STATE]!, path);
  for (const part of [WEIGHTS, MOMENTS]) {
    const expected = file.parts[part];
    const got = bytes[part]!;
    if (!expected || got.length !== expected.bytes || sha256(got) !== expected.sha256) {
      throw broken(path, `${part} is not the one that was written (${got.length} of ${expected?.bytes} bytes)`);
    }
  }
  const train: TrainState = {
    params: readTensors(bytes[WEIGHTS]!, params, '', path),
    m: readTensors(bytes[MOMENTS]!, params, 'm.', path),
    v: readTensors(bytes[MOMENTS]!, params, 'v.', path),
    step: file.optimizerStep,
  };
  const missing = missingParameters(train, params);
  if (missing) throw mismatch(path, `parameter ${missing}, which it lacks`);
  return { train, state: file.state, checksum: file.sha256 };
}

/** @throws TrainerError `checkpoint-broken`, `checkpoint-version` */
export function readStateFile(bytes: Uint8Array, path: string): StateFile {
  let file: StateFile;
  try {
    file = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw broken(path, `${STATE} is not JSON`);
  }
  if (file?.format !== FORMAT) throw broken(path, `${STATE} is not that of a checkpoint`);
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

/** Their names, '' where there are none. Moments may be fewer: what is frozen has none. */
function missingParameters(train: TrainState, params: Signature): string {
  return Object.keys(params)
    .filter((parameter) => !Object.hasOwn(train.params, parameter))
    .join(', ');
}

function checkStep(name: string, step: unknown): void {
  if (Number.isSafeInteger(step) && (step as number) >= 0) return;
  throw new TrainerError(
    'bad-state',
    `Checkpoint: expected ${name} to be an integer of at least 0, got ${String(step)}.`,
  );
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
