import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { embedding } from './embedding.ts';
import { linear } from './linear.ts';
import { checkGradients, values } from './testing/check-gradients.ts';

const size = fc.integer({ min: 1, max: 4 });

test('linear has the value and the gradients of x · Wᵀ + b, with and without bias, over any leading axes', () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(fc.array(size, { maxLength: 2 }), size, size, fc.boolean()).chain(([leading, D, O, bias]) =>
        fc.record({
          D: fc.constant(D),
          O: fc.constant(O),
          inputs: fc.tuple(values([...leading, D]), values([O, D]), ...(bias ? [values([O])] : [])),
        }),
      ),
      ({ D, O, inputs }) =>
        checkGradients(
          inputs,
          (x, weight, bias) => linear(x!, weight!, bias),
          (x, weight, bias) =>
            Array.from({ length: (x!.length / D) * O }, (_, i) => {
              const row = Math.floor(i / O) * D;
              let sum = bias?.[i % O] ?? 0;
              for (let d = 0; d < D; d++) sum += x![row + d]! * weight![(i % O) * D + d]!;
              return sum;
            }),
        ),
    ),
    { numRuns: 40 },
  ));

test('linear says which width it expected', () => {
  expect(() => linear(tf.zeros([2, 3]), tf.zeros([5, 4]))).toThrow('expected weight_OD of shape [*, 3], got [5, 4]');
  expect(() => linear(tf.zeros([2, 3]), tf.zeros([5, 3]), tf.zeros([4]))).toThrow('bias_O');
});

test('embedding picks rows and adds the gradients of repeated ids', () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(size, size, size, size).chain(([V, D, B, T]) =>
        fc.record({
          table: values([V, D]),
          ids: fc.array(fc.nat(V - 1), { minLength: B * T, maxLength: B * T }),
          B: fc.constant(B),
        }),
      ),
      ({ table, ids, B }) => {
        const D = table.shape[1]!;
        return checkGradients(
          [table],
          (t) => embedding(t!, tf.tensor(ids, [B, ids.length / B], 'int32')),
          (t) => ids.flatMap((id) => t!.slice(id * D, id * D + D)),
        );
      },
    ),
    { numRuns: 25 },
  ));
