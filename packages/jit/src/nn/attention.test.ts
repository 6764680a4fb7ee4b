import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attention, causalAttention } from './attention.ts';
import { checkGradients, expectClose, values } from './testing/check-gradients.ts';

interface Sizes {
  B: number;
  T: number;
  S: number;
  H: number;
  K: number;
}

/** Attention of one query, key and feature at a time; `bias(b, t, s)` is added to the scores, −Infinity hides. */
function formula(sizes: Sizes, bias: (b: number, t: number, s: number) => number) {
  const { B, T, S, H, K } = sizes;
  const D = H * K;
  return (q: number[], k: number[], v: number[]) => {
    const y: number[] = new Array(B * T * D).fill(0);
    for (let b = 0; b < B; b++)
      for (let t = 0; t < T; t++)
        for (let h = 0; h < H; h++) {
          const weights = Array.from({ length: S }, (_, s) => {
            let score = 0;
            for (let i = 0; i < K; i++) score += q[(b * T + t) * D + h * K + i]! * k[(b * S + s) * D + h * K + i]!;
            return Math.exp(score / Math.sqrt(K) + bias(b, t, s));
          });
          const total = weights.reduce((a, c) => a + c);
          for (let s = 0; s < S; s++)
            for (let i = 0; i < K; i++)
              y[(b * T + t) * D + h * K + i]! += (weights[s]! / total) * v[(b * S + s) * D + h * K + i]!;
        }
    return y;
  };
}

const sizes = fc.record({
  B: fc.integer({ min: 1, max: 2 }),
  T: fc.integer({ min: 1, max: 4 }),
  extra: fc.integer({ min: 0, max: 2 }),
  H: fc.integer({ min: 1, max: 2 }),
  K: fc.integer({ min: 1, max: 3 }),
});
const cases = sizes.chain(({ B, T, extra, H, K }) => {
  const S = T + extra;
  return fc.record({
    sizes: fc.constant({ B, T, S, H, K }),
    inputs: fc.tuple(values([B, T, H * K]), values([B, S, H * K]), values([B, S, H * K])),
    mask: values([B, T, S]),
  });
});

test('causal attention, queries being the last of the keys, has the value and the gradients of its formula', () =>
  fc.assert(
    fc.asyncProperty(cases, ({ sizes: s, inputs }) =>
      checkGradients(
        inputs,
        (q, k, v) => attention(q!, k!, v!, { heads: s.H, causal: true }),
        (q, k, v) => formula(s, (_, t, key) => (key > s.S - s.T + t ? Number.NEGATIVE_INFINITY : 0))(q!, k!, v!),
      ),
    ),
    { numRuns: 25 },
  ));

test('attention over all keys with a mask', () =>
  fc.assert(
    fc.asyncProperty(cases, ({ sizes: s, inputs, mask }) =>
      checkGradients(
        inputs,
        (q, k, v) => attention(q!, k!, v!, { heads: s.H, mask_BTS: tf.tensor(mask.data, mask.shape) }),
        (q, k, v) => formula(s, (b, t, key) => mask.data[(b * s.T + t) * s.S + key]!)(q!, k!, v!),
      ),
    ),
    { numRuns: 25 },
  ));

test('causalAttention of one position returns the value', async () => {
  await tf.setBackend('cpu');
  const q = tf.randomNormal([2, 1, 4], 0, 1, 'float32', 1);
  const v = tf.randomNormal([2, 1, 4], 0, 1, 'float32', 2);
  expectClose(causalAttention(q, q, v, { heads: 2 }).dataSync(), v.dataSync(), 1e-6);
});

test('shapes that do not fit are refused', () => {
  const x = tf.zeros([1, 3, 6]);
  expect(() => attention(x, x, x, { heads: 4 })).toThrow('multiple of heads, got 6 for 4 heads');
  expect(() => attention(x, tf.zeros([1, 2, 6]), tf.zeros([1, 2, 6]), { heads: 2, causal: true })).toThrow(
    'at least as many keys',
  );
  expect(() => attention(x, x, tf.zeros([1, 3, 5]), { heads: 2 })).toThrow('v_BSD');
});
