/**
 * The trace in progress, if any. It hangs on the global object because two copies of this package in one process share one tfjs
 * engine (tfjs keeps its registries there too).
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { FusedOpSpec } from '../fused-op.ts';

export interface ActiveTrace {
  fused(spec: FusedOpSpec, inputs: readonly (tf.Tensor | null)[]): tf.Tensor[];
  /**
   * Runs `body` with other values behind `inputs`: equal ones, that are known only after `after` is. What `body` computes is therefore computed
   * then, and not taken from before.
   */
  recompute<T>(inputs: readonly tf.Tensor[], after: tf.Tensor, body: () => T): T;
}

const key = Symbol.for('@vlm/jit.active-trace');
const holder = globalThis as unknown as Record<symbol, ActiveTrace | undefined>;

export function activeTrace(): ActiveTrace | undefined {
  return holder[key];
}

export function setActiveTrace(trace: ActiveTrace | undefined): void {
  holder[key] = trace;
}
