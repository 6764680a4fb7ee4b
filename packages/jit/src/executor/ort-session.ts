import * as ort from 'onnxruntime-node';
import { JitError } from '../jit-error.ts';

/**
 * Opens a model on the CPU.
 * @param threads for one operator; 1 starts no pool of threads and nothing spins
 */
export async function openSession(model: Uint8Array, threads: number): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Patterns preallocate for the whole step at once: twice the memory for no time.
      enableMemPattern: false,
      enableCpuMemArena: true,
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw new JitError('runtime', `ONNX Runtime refused the traced graph: ${message(cause)}`, { cause });
  }
}

export async function runSession(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  fetches: Record<string, ort.Tensor | null>,
): Promise<ort.InferenceSession.ReturnType> {
  try {
    return await session.run(feeds, fetches);
  } catch (cause) {
    throw new JitError('runtime', `ONNX Runtime failed: ${message(cause)}`, { cause });
  }
}

const message = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
