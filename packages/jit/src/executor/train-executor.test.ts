import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { TrainStepDefinition } from '../engine.ts';
import { traceTrainStep } from '../trace/trace-train-step.ts';
import { prepareDefinition } from '../train-definition.ts';
import { RemoteExecutor } from './remote-executor.ts';
import { TrainExecutor } from './train-executor.ts';

const side = 1024;
const squareBytes = 4 * side ** 2;
const square = { shape: [side, side], dtype: 'float32' as const };
const row = { shape: [1, side], dtype: 'float32' as const };
const definition: TrainStepDefinition = {
  params: { w: square },
  variants: { rows: { x: row } },
  loss: ({ w }, { x }) => ({ loss: tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D))) as tf.Scalar }),
  optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0 },
};
const options = () => ({
  ...prepareDefinition(definition),
  params: definition.params,
  threads: 1,
  device: 'cpu' as const,
});
const state = () => {
  const [w, m, v] = [0.01, 0, 0].map((value) => new Float32Array(side ** 2).fill(value));
  return { params: { w: w! }, m: { w: m! }, v: { w: v! }, step: 0 };
};

test('a step writes its gradients in place: no array is made that is as large as one', async () => {
  const executor = new TrainExecutor(options());
  await executor.setState(state());
  await executor.addVariant('rows', definition.variants['rows']!, traceTrainStep(definition, 'rows'));
  const batch = { x: new Float32Array(side).fill(0.1) };
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 3; i++) expect((await executor.run('rows', batch, 1e-3)).gradNorm).toBeGreaterThan(0);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(squareBytes / 2);
  await executor.dispose();
});

test('a state that goes to a worker and comes back is the same', async () => {
  const executor = new RemoteExecutor(options());
  const sent = { ...state(), step: 7 };
  for (let i = 0; i < side ** 2; i++) sent.m.w[i] = i;
  await executor.setState(sent);
  const got = await executor.getState();
  expect(got.step).toBe(7);
  for (const part of ['params', 'm', 'v'] as const) {
    expect(Buffer.from(got[part]['w']!.buffer).equals(Buffer.from(sent[part].w.buffer))).toBe(true);
  }
  await executor.dispose();
});
