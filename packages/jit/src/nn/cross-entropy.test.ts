import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crossEntropy } from './cross-entropy.ts';
import { checkGradients, expectClose, values } from './testing/check-gradients.ts';

interface Parts {
  crossEntropy: number;
  zLoss: number;
}

function formula(x: number[], head: number[], targets: number[], weights: number[], z: number, over: string): Parts {
  const N = targets.length;
  const D = x.length / N;
  const V = head.length / D;
  const total = weights.reduce((a, b) => a + b, 0);
  const parts = { crossEntropy: 0, zLoss: 0 };
  for (let n = 0; n < N; n++) {
    const logits = Array.from({ length: V }, (_, v) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += x[n * D + d]! * head[v * D + d]!;
      return sum;
    });
    const lse = Math.log(logits.reduce((a, b) => a + Math.exp(b), 0));
    const weight = total > 0 ? weights[n]! / total : 0;
    parts.crossEntropy += weight * (lse - logits[targets[n]!]!);
    parts.zLoss += z * (over === 'all' ? 1 / N : weight) * lse ** 2;
  }
  return parts;
}

const cases = fc
  .record({
    N: fc.integer({ min: 1, max: 6 }),
    D: fc.integer({ min: 1, max: 3 }),
    V: fc.integer({ min: 1, max: 5 }),
    chunks: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
    zLoss: fc.constantFrom(0, 0.3),
    zLossOver: fc.constantFrom('weighted' as const, 'all' as const),
    silent: fc.boolean(),
  })
  .chain((s) =>
    fc.record({
      options: fc.constant({
        ...(s.chunks === undefined ? {} : { chunks: s.chunks }),
        zLoss: s.zLoss,
        zLossOver: s.zLossOver,
      }),
      x: values([s.N, s.D]),
      head: values([s.V, s.D]),
      targets: fc.array(fc.nat(s.V - 1), { minLength: s.N, maxLength: s.N }),
      weights: fc.array(s.silent ? fc.constant(0) : fc.constantFrom(0, 1, 1, 0.5), {
        minLength: s.N,
        maxLength: s.N,
      }),
    }),
  );

test('loss, its parts and its gradients are those of the formula, however the rows are chunked', () =>
  fc.assert(
    fc.asyncProperty(cases, async ({ options, x, head, targets, weights }) => {
      const run = (a: tf.Tensor, b: tf.Tensor) =>
        crossEntropy(a, b, tf.tensor1d(targets, 'int32'), tf.tensor1d(weights), options);
      const plain = (a: number[], b: number[]) => formula(a, b, targets, weights, options.zLoss, options.zLossOver);
      await checkGradients(
        [x, head],
        (a, b) => run(a!, b!).loss,
        (a, b) => {
          const parts = plain(a!, b!);
          return [parts.crossEntropy + parts.zLoss];
        },
      );
      const parts = run(tf.tensor(x.data, x.shape), tf.tensor(head.data, head.shape));
      const expected = plain([...x.data], [...head.data]);
      expectClose(parts.crossEntropy.dataSync(), [expected.crossEntropy], 1e-5);
      expectClose(parts.zLoss.dataSync(), [expected.zLoss], 1e-5);
    }),
    { numRuns: 60 },
  ));

test('no weight at all is a loss of zero with zero gradients', async () => {
  await tf.setBackend('cpu');
  const x = tf.randomNormal([4, 3], 0, 1, 'float32', 1);
  const head = tf.randomNormal([5, 3], 0, 1, 'float32', 2);
  const loss = (a: tf.Tensor, b: tf.Tensor) =>
    crossEntropy(a, b, tf.tensor1d([0, 1, 2, 3], 'int32'), tf.zeros([4]), { zLoss: 1e-2 }).loss;
  expect([...loss(x, head).dataSync()]).toEqual([0]);
  for (const gradient of tf.grads(loss)([x, head])) expect([...gradient.dataSync()].every((g) => g === 0)).toBe(true);
});

test('logits of hundreds neither overflow nor lose the loss', async () => {
  await tf.setBackend('cpu');
  const loss = crossEntropy(
    tf.tensor2d([[400], [-400]]),
    tf.tensor2d([[1], [-1]]),
    tf.tensor1d([1, 1], 'int32'),
    tf.tensor1d([1, 1]),
  );
  expectClose(loss.loss.dataSync(), [400], 1e-6);
});

test('bad options and shapes are refused', () => {
  const [x, head, ids, weights] = [tf.zeros([2, 3]), tf.zeros([4, 3]), tf.zeros([2], 'int32'), tf.zeros([2])];
  expect(() => crossEntropy(x, head, ids, weights, { chunks: 0 })).toThrow('at least 1, got 0');
  expect(() => crossEntropy(x, tf.zeros([4, 2]), ids, weights)).toThrow('head_VD of shape [*, 3]');
  expect(() => crossEntropy(x, head, ids, tf.zeros([3]))).toThrow('weights_N');
});
