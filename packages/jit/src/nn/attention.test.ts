import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { registerGradients } from '../gradients/registry.ts';
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

test.each([
  { T: 130, S: 130, causal: true, masked: false }, // two blocks, probabilities kept
  { T: 20, S: 300, causal: true, masked: false }, // one block at the end of many keys
  { T: 300, S: 300, causal: true, masked: true }, // three blocks, probabilities computed again
  { T: 300, S: 200, causal: false, masked: true }, // blocks that see every key
])('attention in blocks is attention at once: %o', async ({ T, S, causal, masked }) => {
  await tf.setBackend('cpu');
  registerGradients();
  const [B, H, K] = [2, 2, 2];
  const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);
  const inputs = [random([B, T, H * K], 1), random([B, S, H * K], 2), random([B, S, H * K], 3)];
  // Every query keeps its own key: which of all hidden keys has the largest score would be a matter of rounding.
  const hides = (t: number, key: number) => key !== t && (31 * t + 17 * key) % 3 === 0;
  const mask_BTS = tf.tensor(
    Float32Array.from({ length: B * T * S }, (_, i) => (hides(Math.floor(i / S) % T, i % S) ? -1e9 : 0)),
    [B, T, S],
  );
  const ahead = tf.tensor(
    Float32Array.from({ length: T * S }, (_, i) => (causal && (i % S) - (S - T) > Math.floor(i / S) ? -1e9 : 0)),
    [1, 1, T, S],
  );
  const heads = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, H, K]), [0, 2, 1, 3]);
  const atOnce = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => {
    const scores = tf.add(tf.div(tf.matMul(heads(q), heads(k), false, true), Math.sqrt(K)), ahead);
    const p = tf.softmax(masked ? tf.add(scores, tf.expandDims(mask_BTS, 1)) : scores);
    return tf.reshape(tf.transpose(tf.matMul(p, heads(v)), [0, 2, 1, 3]), [B, T, H * K]);
  };
  const inBlocks = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
    attention(q, k, v, { heads: H, causal, ...(masked ? { mask_BTS } : {}) });
  const gradients = (f: typeof atOnce) => {
    const { value, grads } = tf.valueAndGrads((...xs) =>
      tf.sum(tf.sin(f(...(xs as [tf.Tensor, tf.Tensor, tf.Tensor])))),
    )(inputs);
    return [value, ...grads].map((x) => x.dataSync());
  };
  const [expected, got] = [gradients(atOnce), gradients(inBlocks)];
  for (const [i, x] of got.entries()) expectClose(x, expected[i]!, 1e-5);
});

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
  expect(() => attention(x, x, x, { heads: 2, mask_BTS: tf.zeros([3, 3]) })).toThrow(
    'expected mask_BTS of shape [*, *, *], got [3, 3]',
  );
});
