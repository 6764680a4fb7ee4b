import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import type { TrainStepDefinition } from '../engine.ts';
import { jit } from '../jit.ts';
import { linear, swiglu } from '../nn/index.ts';
import { mlp } from '../testing/networks.ts';
import { trainStep } from '../train-step.ts';
import { explain, explanationText } from './explain.ts';

tf.env().set('PROD', true); // No greeting of tfjs on the console.
const [N, D, O] = [64, 32, 16];
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const linearStep: TrainStepDefinition = {
  params: { w: f32(D, O) },
  variants: { batch: { x: f32(N, D), y: f32(N, O) } },
  loss: ({ w }, { x, y }) => ({
    loss: tf.mean(tf.squaredDifference(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), y!)) as tf.Scalar,
  }),
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
};

test('a product forward and one back: operations, state and inputs are exact', () => {
  const explanation = explain(linearStep);
  const products = explanation.operators[0]!;
  expect(products).toMatchObject({ op: 'Gemm', nodes: 2, flops: 2 * (2 * N * D * O) });
  expect(products.bytes).toBe(4 * 2 * (N * D + D * O + N * O));
  expect(explanation).toMatchObject({
    parameterBytes: 4 * D * O,
    stateBytes: 4 * 4 * D * O,
    inputBytes: 4 * (N * D + N * O),
  });
  expect(explanation.nodes).toBe(explanation.operators.reduce((sum, { nodes }) => sum + nodes, 0));
  const { stateBytes, inputBytes, constantBytes, intermediateBytes } = explanation;
  expect(explanation.peakBytes).toBe(stateBytes + inputBytes + constantBytes + intermediateBytes);
  // The product and what becomes of it: at least one result, at most three at once.
  expect(intermediateBytes).toBeGreaterThanOrEqual(4 * N * O);
  expect(intermediateBytes).toBeLessThanOrEqual(3 * 4 * N * O);
});

test('a parameter that is passed in parts counts once', () => {
  const gated: TrainStepDefinition = {
    ...linearStep,
    params: { w: f32(2 * O, D) },
    loss: ({ w }, { x, y }) => ({
      loss: tf.mean(tf.squaredDifference(swiglu(linear(x!, w!)), y!)) as tf.Scalar,
    }),
  };
  const { operators, parameterBytes, inputBytes } = explain(gated);
  expect(operators.map(({ op }) => op)).not.toContain('Split');
  expect({ parameterBytes, inputBytes }).toEqual({ parameterBytes: 4 * 2 * O * D, inputBytes: 4 * (N * D + N * O) });
});

test('convolutions, attention and reductions are counted by their formulas', async () => {
  const f = jit((x: tf.Tensor4D, k: tf.Tensor4D) => tf.conv2d(x, k, 1, 'same'), { worker: false, threads: 1 });
  const { operators } = f.explain(tf.zeros([2, 8, 8, 3]), tf.zeros([3, 3, 3, 5]));
  expect(operators.find(({ op }) => op === 'Conv')!.flops).toBe(2 * (2 * 8 * 8 * 5) * (3 * 3 * 3));
  await f.dispose();
});

test('a step explains itself for a batch, and the text has a line per operator', async () => {
  const step = trainStep((w: tf.Tensor1D, x: tf.Tensor1D) => tf.sum(tf.mul(w, x)) as tf.Scalar, {
    params: tf.zeros([1000]),
    optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 1 },
    threads: 1,
  });
  const explanation = step.explain(new Float32Array(1000));
  expect(explanation).toMatchObject({ parameterBytes: 4000, inputBytes: 4000, stateBytes: 2 * 4032 });
  const text = explanationText(explanation);
  const lines = text.split('\n');
  expect(lines).toHaveLength(explanation.operators.length + 3);
  expect(lines[0]).toMatch(/^operator +nodes +FLOP +moved$/);
  expect(lines.at(-1)).toMatch(/^peak memory [\d.]+ kB: state 8\.06 kB \(parameters 4 kB\), inputs 4 kB/);
  await step.dispose();
});

test('an unknown variant is an error', () => {
  expect(() => explain(mlp().definition, 'tall')).toThrow(/wide, narrow, got tall/);
});

test('an einsum multiplies and adds for every combination of its labels', () => {
  const { operators } = explain({
    ...linearStep,
    loss: ({ w }, { x, y }) => ({ loss: tf.sum(tf.mul(tf.einsum('nd,do->no', x!, w!), y!)) as tf.Scalar }),
    frozen: ['w'],
  });
  expect(operators.find(({ op }) => op === 'Einsum')).toMatchObject({ nodes: 1, flops: 2 * N * D * O });
});
