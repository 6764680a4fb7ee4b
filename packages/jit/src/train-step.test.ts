import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import { tfjsEngine } from './tfjs-engine.ts';
import { trainStep } from './train-step.ts';

tf.env().set('PROD', true); // No greeting of tfjs on the console.
const kinds = [
  ['compiled, in a worker', { threads: 1 }],
  ['compiled, in the caller’s thread', { threads: 1, worker: false }],
  ['eager', { engine: 'tfjs' }],
] as const;

/** y = 1 − x₀ + 2·x₁ at four points. */
const x = tf.tensor2d([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]);
const y = tf.tensor2d([[1], [3], [0], [2]]);
const start = () => ({ layers: [{ w: tf.zeros<tf.Rank.R2>([2, 1]), b: tf.zeros([1]) }] });
type Params = ReturnType<typeof start>;
const loss = ({ layers: [layer] }: Params, batch: { x: tf.Tensor2D; y: tf.Tensor2D }) => {
  const prediction = tf.add(tf.matMul(batch.x, layer!.w), layer!.b);
  return {
    loss: tf.mean(tf.squaredDifference(prediction, batch.y)) as tf.Scalar,
    metrics: { largest: tf.max(prediction) as tf.Scalar },
  };
};
const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, learningRate: 0.05 };

test.each(kinds)(
  '%s: learns, follows the learning rate, and its state can be read and set again',
  async (_, options) => {
    const step = trainStep(loss, { params: start(), optimizer: { ...adamw, clipNorm: 10 }, ...options });
    const first = await step({ x, y });
    expect(first).toMatchObject({ loss: 3.5, metrics: { largest: 0 } });
    step.learningRate = 0.02;
    let last = first;
    for (let i = 0; i < 300; i++) last = await step({ x, y });
    expect(last.loss).toBeLessThan(1e-4);
    const { layers } = await step.getParams();
    const [w, b] = [await layers[0]!.w.data(), await layers[0]!.b.data()];
    for (const [got, wanted] of [
      [w[0], -1],
      [w[1], 2],
      [b[0], 1],
    ]) {
      expect(got).toBeCloseTo(wanted!, 1);
    }
    const saved = await step.getState();
    expect([saved.step, Object.keys(saved.params)]).toEqual([301, ['layers.0.w', 'layers.0.b']]);
    const half = { x: tf.slice(x, [0, 0], [2, 2]), y: tf.slice(y, [0, 0], [2, 1]) };
    const before = await step(half); // another signature, the same state
    await step.setState(saved);
    expect(await step(half)).toEqual(before);
    const { gradients } = await step.gradients({ x, y });
    expect(Object.keys(gradients)).toEqual(['layers.0.w', 'layers.0.b']);
    await step.dispose();
    await expect(step({ x, y })).rejects.toMatchObject({ code: 'disposed' });
  },
);

test('masks: what does not train keeps its bits; the engine may be passed in', async () => {
  const step = trainStep(loss, {
    params: start(),
    optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.1 },
    trainable: (name) => name.endsWith('w'),
    engine: tfjsEngine({ backend: 'cpu' }),
  });
  await step({ x, y });
  const { params, m, v } = await step.getState();
  expect(params['layers.0.b']).toEqual(Float32Array.of(0));
  expect(params['layers.0.w']!.every((value) => value !== 0)).toBe(true);
  expect([m, v]).toEqual([{}, {}]);
  await step.dispose();
});

test('one tensor is a nest, and a scalar is a loss', async () => {
  const step = trainStep((w: tf.Tensor1D, scale: tf.Scalar) => tf.sum(tf.mul(tf.square(w), scale)) as tf.Scalar, {
    params: tf.tensor1d([1, 2]),
    optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.25 },
    threads: 1,
    worker: false,
  });
  expect(await step(1)).toMatchObject({ loss: 5, gradNorm: expect.closeTo(Math.sqrt(20), 5) });
  expect(await (await step.getParams()).array()).toEqual([0.5, 1]);
  await step.dispose();
});

test('variables are refused inside a step, and too many signatures as well', async () => {
  const frozen = tf.variable(tf.scalar(1), false, 'frozen scale');
  const options = {
    params: tf.tensor1d([1, 2]),
    optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.1 },
    threads: 1,
    worker: false,
  } as const;
  const closes = trainStep((w: tf.Tensor1D) => tf.sum(tf.mul(w, frozen)) as tf.Scalar, options);
  await expect(closes()).rejects.toMatchObject({
    code: 'captured-variable',
    message: expect.stringContaining('frozen scale'),
  });
  await closes.dispose();
  frozen.dispose();
  const step = trainStep((w: tf.Tensor1D, v: tf.Tensor1D) => tf.mul(tf.sum(w), tf.sum(v)) as tf.Scalar, options);
  for (let n = 1; n <= 16; n++) await step(new Float32Array(n));
  await expect(step(new Float32Array(17))).rejects.toMatchObject({ code: 'retracing' });
  await step.dispose();
});

test('parameters that are no float32 are refused at once', () => {
  const integers = () =>
    trainStep((w: tf.Tensor1D) => tf.sum(tf.cast(w, 'float32')) as tf.Scalar, {
      params: tf.tensor1d([1], 'int32'),
      optimizer: adamw,
    });
  expect(integers).toThrow(/params\.params.*dtype float32/);
});

test.each([
  ['weightDecay', { weightDecay: -1 }],
  ['momentum', { momentum: 7 }],
  ['learningRate', { learningRate: Number.NaN }],
])('an optimizer without a sound %s is refused at once', (name, wrong) => {
  const make = () =>
    trainStep(loss, { params: start(), optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.1, ...wrong } });
  expect(make).toThrow(expect.objectContaining({ code: 'invalid-definition', message: expect.stringContaining(name) }));
});

test('a step that did not open can be disposed of', async () => {
  const failing = { ...tfjsEngine(), compileTrainStep: () => Promise.reject(new Error('no device')) };
  const step = trainStep(loss, { params: start(), optimizer: adamw, engine: failing });
  await expect(step({ x, y })).rejects.toThrow('no device');
  await step.dispose();
});

test('explaining is no trace', async () => {
  const step = trainStep((w: tf.Tensor1D, v: tf.Tensor1D) => tf.mul(tf.sum(w), tf.sum(v)) as tf.Scalar, {
    params: tf.tensor1d([1, 2]),
    optimizer: adamw,
    threads: 1,
    worker: false,
  });
  const nodes = Array.from({ length: 17 }, (_, n) => step.explain(new Float32Array(n + 1)).nodes);
  expect(nodes.every((n) => n === nodes[0])).toBe(true);
  await step(new Float32Array(18));
  await step.dispose();
});
