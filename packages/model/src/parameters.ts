import type * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Signature, TensorSpec } from '@vlm/jit';
import { ModelError } from './model-error.ts';

/** How a parameter starts. */
export type ParameterInit =
  /** Normal with deviation `sigma`, redrawn outside ±3 sigma (OpenLM). */
  | { kind: 'truncated-normal'; sigma: number }
  /** Uniform in [−bound, bound] (torch's `nn.Linear`: bound = 1/√inputs). */
  | { kind: 'uniform'; bound: number }
  | { kind: 'constant'; value: number };

/** Shape and start of one parameter. A record of them is also a `Signature` for `TrainStepDefinition.params`. */
export interface ParameterSpec extends TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32';
  readonly init: ParameterInit;
}

export type ParameterSpecs = Record<string, ParameterSpec>;
export type ParameterArrays = Record<string, Float32Array>;

export function parameter(shape: readonly number[], init: ParameterInit): ParameterSpec {
  return { shape, dtype: 'float32', init };
}

/** @returns the number of elements of a shape */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The tensor called `name` (a parameter, or a part of a batch), or an error that lists what is there. */
export function need(params: NamedTensors, name: string): tf.Tensor {
  const tensor = params[name];
  if (!tensor) {
    const there = Object.keys(params);
    throw new ModelError(
      'MISSING_PARAMETER',
      `Expected a tensor "${name}", got ${there.length}: ${there.slice(0, 8).join(', ')}${there.length > 8 ? ', …' : ''}. ` +
        'Were they made for another configuration?',
    );
  }
  return tensor;
}

/**
 * Checks arrays (read from a checkpoint, say) against what the model expects: no name missing, none too many, every length right.
 * @throws ModelError MISSING_PARAMETER, SHAPE_MISMATCH
 */
export function checkParameters(signature: Signature, arrays: Readonly<Record<string, ArrayLike<number>>>): void {
  const missing = Object.keys(signature).filter((name) => !Object.hasOwn(arrays, name));
  const extra = Object.keys(arrays).filter((name) => !Object.hasOwn(signature, name));
  if (missing.length > 0 || extra.length > 0) {
    throw new ModelError(
      'MISSING_PARAMETER',
      `Parameters do not fit the configuration. Missing: ${missing.join(', ') || 'none'}. Unexpected: ${extra.join(', ') || 'none'}.`,
    );
  }
  for (const [name, { shape }] of Object.entries(signature)) {
    const got = arrays[name]!.length;
    if (got !== sizeOf(shape)) {
      throw new ModelError(
        'SHAPE_MISMATCH',
        `Parameter "${name}": expected [${shape.join(', ')}] = ${sizeOf(shape)} numbers, got ${got}.`,
      );
    }
  }
}
