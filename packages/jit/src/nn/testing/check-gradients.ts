import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect } from 'vitest';

// The cpu backend greets on first use outside production.
tf.env().set('PROD', true);

/** Numbers with a shape, row-major. */
export interface Values {
  shape: number[];
  data: Float32Array;
}

/** Random float32 numbers of a shape: no NaN, no infinities, at most `limit` in size, on a grid coarse enough to be exact. */
export function values(shape: number[], limit = 2): fc.Arbitrary<Values> {
  const size = shape.reduce((a, b) => a * b, 1);
  return fc
    .array(fc.integer({ min: -1000 * limit, max: 1000 * limit }), { minLength: size, maxLength: size })
    .map((grid) => ({ shape, data: Float32Array.from(grid, (n) => n / 1000) }));
}

/**
 * Compares a module's value and all its gradients with a plain float64 formula and its central differences.
 * @param module from tensors to one tensor
 * @param formula the same from arrays of float64 numbers to a flat array
 */
export async function checkGradients(
  inputs: Values[],
  module: (...tensors: tf.Tensor[]) => tf.Tensor,
  formula: (...arrays: number[][]) => number[],
  tolerance = 2e-5,
): Promise<void> {
  await tf.setBackend('cpu');
  const arrays = inputs.map(({ data }) => Array.from(data));
  const expected = formula(...arrays);
  // Fixed weights turn the value into one number, whose gradient touches every element differently.
  const dy = Float32Array.from(expected, (_, i) => Math.cos(1 + 1.7 * i));
  const before = tf.memory().numTensors;
  const [y, gradients] = tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor(data, shape));
    const value = module(...tensors);
    const grads = tf.grads(module)(tensors, tf.tensor(dy, value.shape));
    expect(grads.map((g) => g.shape)).toEqual(inputs.map(({ shape }) => shape));
    return [value.dataSync(), grads.map((g) => g.dataSync())] as const;
  });
  expect(tf.memory().numTensors).toBe(before);
  expectClose(y, expected, tolerance);
  const weightedSum = () => formula(...arrays).reduce((sum, x, i) => sum + x * dy[i]!, 0);
  const step = 1e-4;
  arrays.forEach((array, which) => {
    const slope = array.map((x, i) => {
      array[i] = x + step;
      const above = weightedSum();
      array[i] = x - step;
      const below = weightedSum();
      array[i] = x;
      return (above - below) / (2 * step);
    });
    expectClose(gradients[which]!, slope, tolerance);
  });
}

/** Elementwise within `tolerance` of the largest expected size (at least 1). */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(1, ...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= tolerance * size)) {
      expect.fail(`element ${i}: expected ${expected[i]} within ${tolerance * size}, got ${actual[i]}`);
    }
  }
}
