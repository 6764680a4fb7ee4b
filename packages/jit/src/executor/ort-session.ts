import * as ort from 'onnxruntime-node';
import { withDevice } from '../devices/device-lock.ts';
import { traitsOf } from '../devices/device-traits.ts';
import type { Device } from '../engine.ts';
import { JitError } from '../jit-error.ts';

export interface SessionOptions {
  device: Device;
  /** Threads of one operator on the CPU; 1 starts no pool of threads and nothing spins. */
  threads: number;
  /** Outputs become new tensors of this kind; absent: arrays on the host, or wherever a tensor that is passed as the fetch lies. */
  outputLocation?: 'gpu-buffer';
  /** `disabled` runs the nodes as they are written. */
  optimisation?: 'all' | 'disabled';
  /** Where to write a profile of which provider ran which node: the start of a file name. */
  profilePrefix?: string;
}

/** @throws {JitError} `runtime` when ONNX Runtime refuses the model */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<ort.InferenceSession> {
  const { device, threads, outputLocation, optimisation = 'all', profilePrefix } = options;
  const { provider, isShared } = traitsOf(device);
  const create = () =>
    ort.InferenceSession.create(model, {
      executionProviders: [provider],
      graphOptimizationLevel: optimisation,
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Patterns preallocate for the whole step at once: twice the memory for no time.
      enableMemPattern: false,
      enableCpuMemArena: true,
      // Threads that wait sleep: a percent slower alone, and two trainings on the same cores get 1.7 times as much done.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      logSeverityLevel: 4,
      ...(outputLocation && { preferredOutputLocation: outputLocation }),
      ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    });
  try {
    const session = await (isShared ? withDevice(create) : create());
    if (isShared) shared.add(session);
    return session;
  } catch (cause) {
    throw new JitError('runtime', `ONNX Runtime refused the traced graph: ${messageOf(cause)}`, { cause });
  }
}

export async function runSession(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  fetches: Record<string, ort.Tensor | null>,
): Promise<ort.InferenceSession.ReturnType> {
  try {
    const run = () => session.run(feeds, fetches);
    return await (shared.has(session) ? withDevice(run) : run());
  } catch (cause) {
    throw new JitError('runtime', `ONNX Runtime failed: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Runs a session whose outputs are all written into the arrays of `fetches`, and returns nothing.
 *
 * onnxruntime-node 1.30 hands back a copy of every output, even of one that it has just written into the caller's array: of the gradients that is
 * a copy of the whole model at every step. It makes these copies in the order of the outputs and gives up, the run being over, at one that is no
 * tensor. So the first output of such a model is a sequence (`onnxModel` with `firstOutput`), and that refusal is the sign of success. A version
 * that makes no copies, or refuses nothing, returns here as well.
 */
export async function runInPlace(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  fetches: Record<string, ort.Tensor>,
): Promise<void> {
  try {
    await runSession(session, feeds, { [session.outputNames[0]!]: null, ...fetches });
  } catch (error) {
    if (!/Non tensor type is temporarily not supported/.test(messageOf((error as JitError).cause))) throw error;
  }
}

export async function closeSession(session: ort.InferenceSession): Promise<void> {
  const release = () => session.release();
  await (shared.has(session) ? withDevice(release) : release());
}

/** Sessions of a device that the threads of the process share. */
const shared = new WeakSet<ort.InferenceSession>();

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
