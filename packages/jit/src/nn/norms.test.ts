import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JitError } from '../jit-error.ts';
import { layerNorm } from './layer-norm.ts';
import { rmsNorm } from './rms-norm.ts';
import { checkGradients, values } from './testing/check-gradients.ts';

const epsilon = 0.01;

/** The formula on rows of `D` numbers; `centre` makes it a layer norm. */
function normalise(x: number[], gain: number[], bias: number[] | undefined, centre: boolean): number[] {
  const D = gain.length;
  return x.map((value, i) => {
    const row = x.slice(i - (i % D), i - (i % D) + D);
    const mean = centre ? row.reduce((a, b) => a + b) / D : 0;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / D;
    return ((value - mean) / Math.sqrt(variance + epsilon)) * gain[i % D]! + (bias?.[i % D] ?? 0);
  });
}

const sizes = fc.record({
  B: fc.integer({ min: 1, max: 3 }),
  T: fc.integer({ min: 1, max: 3 }),
  D: fc.integer({ min: 1, max: 5 }),
});

test('layerNorm with bias has the value and the gradients of its formula', () =>
  fc.assert(
    fc.asyncProperty(
      sizes.chain(({ B, T, D }) => fc.tuple(values([B, T, D]), values([D]), values([D]))),
      (inputs) =>
        checkGradients(
          inputs,
          (x, gain, bias) => layerNorm(x!, gain!, { epsilon, bias_D: bias! }),
          (x, gain, bias) => normalise(x!, gain!, bias, true),
          1e-4,
        ),
    ),
    { numRuns: 25 },
  ));

test('layerNorm without bias', () =>
  fc.assert(
    fc.asyncProperty(
      sizes.chain(({ T, D }) => fc.tuple(values([T, D]), values([D]))),
      (inputs) =>
        checkGradients(
          inputs,
          (x, gain) => layerNorm(x!, gain!, { epsilon }),
          (x, gain) => normalise(x!, gain!, undefined, true),
          1e-4,
        ),
    ),
    { numRuns: 25 },
  ));

test('rmsNorm has the value and the gradients of its formula', () =>
  fc.assert(
    fc.asyncProperty(
      sizes.chain(({ B, T, D }) => fc.tuple(values([B, T, D]), values([D]))),
      (inputs) =>
        checkGradients(
          inputs,
          (x, gain) => rmsNorm(x!, gain!, { epsilon }),
          (x, gain) => normalise(x!, gain!, undefined, false),
          1e-4,
        ),
    ),
    { numRuns: 25 },
  ));

test('a gain of another width is refused', () => {
  const attempt = () => layerNorm(tf.zeros([2, 3]), tf.zeros([4]), { epsilon });
  expect(attempt).toThrow(JitError);
  expect(attempt).toThrow('expected gain_D of shape [3], got [4]');
  expect(() => rmsNorm(tf.zeros([2, 3]), tf.zeros([4]), { epsilon })).toThrow('rmsNorm');
});
