/** What a case of an operation is, and the short ways to write one. */
import * as tf from '@tensorflow/tfjs-core';

/** Stands for every tensor here. */
export type T = tf.Tensor;
export interface OperationCase {
  /** Shapes of the float inputs a, b, c, which receive gradients. */
  shapes: number[][];
  f: (a: T, b: T, c: T) => T;
  /** Where the inputs lie: default (−1, 1). */
  from?: [low: number, high: number];
  /** Kinks or flat steps: central differences say nothing. */
  kinked?: boolean;
  /** No gradient at all. */
  forwardOnly?: boolean;
  /** The cpu backend's own gradient kernel is wrong or missing here: central differences alone decide. */
  onlyDifferences?: boolean;
}

export const ids = (): tf.Tensor1D => tf.tensor1d([2, 0, 2], 'int32');
export const x4 = (a: T): tf.Tensor4D => a as tf.Tensor4D;
export const x5 = (a: T): tf.Tensor5D => a as tf.Tensor5D;
export const unary = (f: (a: T) => T, from?: [number, number], kinked = false): OperationCase => ({
  shapes: [[3, 4]],
  f,
  kinked,
  ...(from && { from }),
});
export const binary = (f: (a: T, b: T) => T, from?: [number, number], kinked = false): OperationCase => ({
  shapes: [[3, 4], [4]],
  f,
  kinked,
  ...(from && { from }),
});
