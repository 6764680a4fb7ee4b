import * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec } from './engine.ts';
import { activeTrace } from './trace/active-trace.ts';

/** One ONNX node with static output shapes. */
export interface FusedOpSpec {
  /** Operator name, such as `Attention`. */
  op: string;
  /** Operator domain; absent: the ONNX standard (opset 23). `com.microsoft` holds ONNX Runtime's own operators. */
  domain?: string;
  /**
   * Numbers become INT where they are integers and FLOAT otherwise, except that ONNX's usual float attributes (`alpha`, `beta`,
   * `epsilon`, `scale`, `softcap`, …) are FLOAT always. `{ float: 1 }`, `{ int: 1 }`, `{ floats: [1] }` say it explicitly. Booleans become INT,
   * strings STRING, arrays INTS, FLOATS or STRINGS.
   */
  attributes?: Record<string, unknown>;
  /** One entry per output of the operator, in its order; `null` leaves out an optional output. */
  outputs: readonly (TensorSpec | null)[];
  /** Positions of int32 inputs that the operator wants as int64 (indices of `ScatterND`): a cast is inserted. */
  int64Inputs?: readonly number[];
}

/**
 * Emits one ONNX node while a step is being traced, and calls `fallback` on every other backend.
 *
 * A `ScatterND` that adds becomes several nodes where it is large: in one, the order of a sum would change from run to run.
 *
 * It has no gradient of its own: use it inside `tf.customGrad`, in the forward function or in `gradFunc`.
 *
 * @param spec the operator, its attributes and its outputs
 * @param inputs tensors in the operator's order; `null` leaves out an optional input
 * @param fallback the same computation in plain tfjs operations: one tensor per output that is not `null`
 * @returns one tensor per output that is not `null`
 * @example
 * const [y] = fusedOp(
 *   { op: 'Gelu', attributes: { approximate: 'none' }, outputs: [{ shape: x.shape, dtype: 'float32' }] },
 *   [x],
 *   () => [tf.mul(x, tf.mul(0.5, tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))))],
 * );
 */
export function fusedOp(
  spec: FusedOpSpec,
  inputs: readonly (tf.Tensor | null)[],
  fallback: () => tf.Tensor[],
): tf.Tensor[] {
  const trace = activeTrace();
  return trace ? trace.fused(spec, inputs) : tf.engine().tidy(fallback);
}
