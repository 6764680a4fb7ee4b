import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { projector } from './projector.ts';
import { checkGradients, values } from './testing/check-gradients.ts';

const size = fc.integer({ min: 1, max: 3 });

/** erf by its Maclaurin series, exact enough for |x| ≤ 4. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

test('has the value and the gradients of W₂ · gelu(W₁ · x + b₁) + b₂, over any leading axes', () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(fc.array(size, { maxLength: 2 }), size, size, size).chain(([leading, F, H, D]) =>
        fc.record({
          sizes: fc.constant({ F, H, D }),
          inputs: fc.tuple(
            values([...leading, F], 1),
            values([H, F], 1),
            values([H], 1),
            values([D, H], 1),
            values([D], 1),
          ),
        }),
      ),
      ({ sizes: { F, H, D }, inputs }) =>
        checkGradients(
          inputs,
          (x, up_HF, upBias_H, down_DH, downBias_D) =>
            projector(x!, { up_HF: up_HF!, upBias_H: upBias_H!, down_DH: down_DH!, downBias_D: downBias_D! }),
          (x, up, upBias, down, downBias) =>
            Array.from({ length: (x!.length / F) * D }, (_, i) => {
              const [row, d] = [Math.floor(i / D) * F, i % D];
              let y = downBias![d]!;
              for (let h = 0; h < H; h++) {
                let z = upBias![h]!;
                for (let f = 0; f < F; f++) z += up![h * F + f]! * x![row + f]!;
                y += down![d * H + h]! * z * 0.5 * (1 + erf(z / Math.SQRT2));
              }
              return y;
            }),
        ),
    ),
    { numRuns: 25 },
  ));

test('refuses widths that disagree', () => {
  expect(() => projector(tf.ones([2, 3]), { up_HF: tf.ones([4, 2]), down_DH: tf.ones([5, 4]) })).toThrow(/weight_OD/);
});
