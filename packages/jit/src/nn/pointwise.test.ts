import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gelu } from './gelu.ts';
import { swiglu } from './swiglu.ts';
import { checkGradients, expectClose, values } from './testing/check-gradients.ts';

const sizes = fc.record({ N: fc.integer({ min: 1, max: 4 }), H: fc.integer({ min: 1, max: 4 }) });

test('swiglu has the value and the gradient of silu(gate) · up', () =>
  fc.assert(
    fc.asyncProperty(
      sizes.chain(({ N, H }) => fc.record({ H: fc.constant(H), x: values([N, 1, 2 * H], 6) })),
      ({ x, H }) =>
        checkGradients(
          [x],
          (gateUp) => swiglu(gateUp!),
          (gateUp) =>
            Array.from({ length: gateUp!.length / 2 }, (_, i) => {
              const row = Math.floor(i / H) * 2 * H;
              const gate = gateUp![row + (i % H)]!;
              return (gate / (1 + Math.exp(-gate))) * gateUp![row + H + (i % H)]!;
            }),
        ),
    ),
    { numRuns: 25 },
  ));

test('swiglu refuses an odd width', () => {
  expect(() => swiglu(tf.zeros([2, 3]))).toThrow('even last axis');
});

/** erf by its Maclaurin series: exact to float64 for |x| ≤ 3. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test('gelu is the exact one, with its gradient', () =>
  fc.assert(
    fc.asyncProperty(
      sizes.chain(({ N, H }) => values([N, H], 4)),
      (x) =>
        checkGradients(
          [x],
          (z) => gelu(z!),
          (z) => z!.map((value) => (value / 2) * (1 + erf(value * Math.SQRT1_2))),
        ),
    ),
    { numRuns: 25 },
  ));

test('gelu far out is 0 and x', async () => {
  await tf.setBackend('cpu');
  expectClose(gelu(tf.tensor1d([-30, -0, 0, 30])).dataSync(), [0, 0, 0, 30], 1e-6);
});
