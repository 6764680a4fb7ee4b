/** Every module, its value and each of its gradients, compiled and run by ONNX Runtime against the same run eagerly by tfjs. */
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'vitest';
import type { Engine } from '../../engine.ts';
import {
  attention,
  causalAttention,
  crossEntropy,
  embedding,
  gelu,
  layerNorm,
  linear,
  rmsNorm,
  rotary,
  swiglu,
} from '../index.ts';
import { expectClose } from './check-gradients.ts';

export type Module = (...tensors: tf.Tensor[]) => tf.Tensor;

const ids = [0, 5, 3, 1, 6, 4, 5, 5, 0, 2, 5, 3];
export const wave = (shape: number[], phase: number) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    Math.sin(1 + phase + 1.3 * i + 0.01 * i * i),
  );
const tokens = () => tf.tensor(ids, [3, 4], 'int32');
const weights = () => tf.tensor1d([1, 0, 1, 1, 0.5, 1, 1, 1, 0, 0, 1, 1]);
const epsilon = 1e-5;

/** Each with the shapes of its inputs, which are float32. */
export const modules: Record<string, [Module, number[][]]> = {
  linear: [(x, w, b) => linear(x!, w!, b), [[2, 3, 8], [5, 8], [5]]],
  layerNorm: [(x, gain) => layerNorm(x!, gain!, { epsilon }), [[2, 3, 8], [8]]],
  'layerNorm with bias': [(x, gain, bias) => layerNorm(x!, gain!, { epsilon, bias_D: bias! }), [[6, 8], [8], [8]]],
  rmsNorm: [(x, gain) => rmsNorm(x!, gain!, { epsilon }), [[2, 3, 8], [8]]],
  swiglu: [(x) => swiglu(x!), [[2, 3, 8]]],
  gelu: [(x) => gelu(x!), [[2, 3, 8]]],
  rotary: [(x) => rotary(x!, { heads: 2, base: 10000, offset: 3 }), [[2, 3, 8]]],
  'rotary at given positions': [
    (x) => rotary(x!, { heads: 2, base: 10000, positions_BT: tf.tensor([1, 2, 9, 4, 5, 6], [2, 3], 'int32') }),
    [[2, 3, 8]],
  ],
  causalAttention: [
    (q, k, v) => causalAttention(q!, k!, v!, { heads: 2 }),
    [
      [2, 5, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
  ],
  'attention over all keys': [
    (q, k, v) => attention(q!, k!, v!, { heads: 2 }),
    [
      [2, 3, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
  ],
  'causal attention of the last queries': [
    (q, k, v) => attention(q!, k!, v!, { heads: 2, causal: true }),
    [
      [2, 3, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
  ],
  'attention with a mask': [
    (q, k, v) => attention(q!, k!, v!, { heads: 2, mask_BTS: tf.tensor([0, -1e9, 0, 0, 0, 0, -1e9, 0], [2, 1, 4]) }),
    [
      [2, 3, 8],
      [2, 4, 8],
      [2, 4, 8],
    ],
  ],
  embedding: [(table) => embedding(table!, tokens()), [[7, 8]]],
  crossEntropy: [
    (x, head) => crossEntropy(x!, head!, tf.reshape(tokens(), [12]), weights(), { chunks: 3 }).loss,
    [
      [12, 8],
      [7, 8],
    ],
  ],
  'crossEntropy with z-loss': [
    (x, head) => crossEntropy(x!, head!, tf.reshape(tokens(), [12]), weights(), { zLoss: 0.01, zLossOver: 'all' }).loss,
    [
      [12, 8],
      [7, 8],
    ],
  ],
};

/** @param tolerance worst difference, relative to the largest number (at least 1) */
export function moduleContract(engine: Engine, tolerance: number): void {
  test.each(Object.entries(modules))('%s', async (_, [module, shapes]) => {
    await tf.setBackend('cpu');
    const arrays = shapes.map((shape, i) => wave(shape, i));
    const inputs = Object.fromEntries(arrays.map((data, i) => [`input${i}`, data]));
    const eager = tf.tidy(() => {
      const tensors = arrays.map((data, i) => tf.tensor(data, shapes[i]!));
      const value = module(...tensors);
      const dy = wave(value.shape, 9);
      const gradients = tf.grads(module)(tensors, tf.tensor(dy, value.shape));
      return { shape: value.shape, dy, outputs: [value, ...gradients].map((tensor) => tensor.dataSync()) };
    });
    const spec = (shape: number[]) => ({ shape, dtype: 'float32' as const });
    const forward = await engine.compileForward(
      (_constants, named) => {
        const tensors = shapes.map((_shape, i) => named[`input${i}`]!);
        const gradients = tf.grads(module)(tensors, named['dy']);
        return Object.fromEntries([module(...tensors), ...gradients].map((tensor, i) => [`output${i}`, tensor]));
      },
      {
        constants: {},
        inputs: {
          ...Object.fromEntries(shapes.map((shape, i) => [`input${i}`, spec(shape)])),
          dy: spec(eager.shape),
        },
      },
    );
    try {
      const compiled = await forward.run({ ...inputs, dy: eager.dy });
      eager.outputs.forEach((expected, i) => {
        expectClose(compiled[`output${i}`]!, expected, tolerance);
      });
    } finally {
      await forward.dispose();
    }
  });
}
