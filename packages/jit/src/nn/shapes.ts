import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';

/** Size of the last axis. */
export function width(x: tf.Tensor): number {
  return x.shape.at(-1) ?? 1;
}

/** Number of rows when all axes but the last are flattened. */
export function rows(x: tf.Tensor): number {
  return x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
}

/** The tensor as a matrix of its last axis. */
export function asRows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [rows(x), width(x)]);
}

/** @throws {JitError} `invalid-definition` unless the tensor has the expected shape (−1 matches any size) */
export function expectShape(owner: string, name: string, tensor: tf.Tensor, expected: readonly number[]): void {
  const fits = tensor.shape.length === expected.length && expected.every((n, i) => n < 0 || n === tensor.shape[i]);
  if (fits) return;
  const wanted = expected.map((n) => (n < 0 ? '*' : n)).join(', ');
  throw new JitError(
    'invalid-definition',
    `Shape mismatch in ${owner}: expected ${name} of shape [${wanted}], got [${tensor.shape.join(', ')}]. ` +
      'Do the weights belong to this configuration?',
  );
}
