/** Legend: N rows of a batch, D inputs. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, MicroBatch, NamedArrays, TrainStep, TrainStepDefinition } from './engine.ts';
import { DeviceTrainExecutor } from './executor/device-train-executor.ts';
import { onnxEngine } from './onnx-engine.ts';
import { worstRelativeError } from './relative-error.ts';
import { numbers } from './testing/networks.ts';
import { tfjsEngine } from './tfjs-engine.ts';
import { prepareDefinition } from './train-definition.ts';

const D = 5;
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const rows = (count: number) => ({ x_ND: f32(count, D), y_N: f32(count), weights_N: f32(count) });

/** Weighted mean of squared errors; the `text` variants do not touch the projector. */
const definition: TrainStepDefinition = {
  params: { 'projector.w': f32(D, D), 'decoder.w': f32(D, 1), 'decoder.b': f32(1) },
  variants: { all: rows(12), some: rows(8), few: rows(4), text: rows(4) },
  loss(params, { x_ND, y_N, weights_N }, variant) {
    const h_ND = variant === 'text' ? x_ND! : tf.tanh(tf.matMul(x_ND!, params['projector.w']!));
    const out_N = tf.squeeze(tf.add(tf.matMul(h_ND, params['decoder.w']!), params['decoder.b']!), [1]);
    const total = tf.maximum(tf.sum(weights_N!), 1e-6);
    const loss = tf.div(tf.sum(tf.mul(weights_N!, tf.squaredDifference(out_N, y_N!))), total) as tf.Scalar;
    return { loss, metrics: variant === 'text' ? {} : { squares: loss } };
  },
  optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 0.5 },
  groupOf: (name) => name.split('.')[0]!,
};

const start = () => {
  const params = Object.fromEntries(
    Object.entries(definition.params).map(([name, { shape }], i) => [
      name,
      numbers(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      ),
    ]),
  );
  const zeros = () => Object.fromEntries(Object.entries(params).map(([name, p]) => [name, new Float32Array(p.length)]));
  return { params, m: zeros(), v: zeros(), step: 0 };
};

interface Rows {
  x_ND: Float32Array;
  y_N: Float32Array;
  weights_N: Float32Array;
}
const part = ({ x_ND, y_N, weights_N }: Rows, from: number, to: number): NamedArrays => ({
  x_ND: x_ND.slice(from * D, to * D),
  y_N: y_N.slice(from, to),
  weights_N: weights_N.slice(from, to),
});
const micro = (variant: string, batch: NamedArrays): MicroBatch => ({
  variant,
  batch,
  weight: (batch['weights_N'] as Float32Array).reduce((a, b) => a + b, 0),
});
const rowsOf = (weights: number[], seed: number): Rows => ({
  x_ND: numbers(12 * D, seed),
  y_N: numbers(12, seed + 1),
  weights_N: Float32Array.from(weights),
});

const engines: [string, () => Engine][] = [
  ['tfjs', () => tfjsEngine({ backend: 'cpu' })],
  ['compiled', () => onnxEngine({ threads: 1, worker: false })],
  ['compiled, in a worker', () => onnxEngine({ threads: 1, worker: true })],
];

describe.each(engines)('accumulated gradients: %s', (_, open) => {
  let step: TrainStep;
  beforeAll(async () => {
    step = await open().compileTrainStep(definition);
  });
  afterAll(() => step.dispose());

  test('micro-batches of any sizes and masks make the update of one large batch', async () => {
    const weights = fc.array(fc.constantFrom(0, 0, 1), { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        weights.filter((all) => all.includes(1)),
        fc.integer({ min: 1, max: 1000 }),
        async (mask, seed) => {
          const all = rowsOf(mask, seed);
          await step.setState(start());
          const large = await step.run('all', part(all, 0, 12), { lr: 0.01 });
          const expected = await step.getState();
          await step.setState(start());
          const parts = [micro('few', part(all, 0, 4)), micro('some', part(all, 4, 12))];
          const small = await step.runAccumulated(parts, { lr: 0.01 });
          const got = await step.getState();
          expect(worstRelativeError([small.loss], [large.loss])).toBeLessThan(1e-5);
          expect(worstRelativeError([small.gradNorm], [large.gradNorm])).toBeLessThan(1e-5);
          expect(small.metrics['squares']).toBeCloseTo(small.loss, 5);
          expect(Object.keys(small.groupNorms!)).toEqual(['projector', 'decoder']);
          expect(Math.hypot(...Object.values(small.groupNorms!))).toBeCloseTo(small.gradNorm, 6);
          for (const name of Object.keys(got.m)) {
            expect(worstRelativeError(got.m[name]!, expected.m[name]!), name).toBeLessThan(1e-4);
          }
          expect(got.step).toBe(1);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('it is not a mean of means, and what one variant does not touch takes nothing from it', async () => {
    const all = rowsOf([1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], 7);
    const parts = [micro('text', part(all, 0, 4)), micro('some', part(all, 4, 12))];
    await step.setState(start());
    const gradients = [];
    for (const { variant, batch } of parts) gradients.push((await step.gradients(variant, batch)).gradients);
    const { groupNorms, loss } = await step.runAccumulated(parts, { lr: 0.01 });
    const norm = (x: Float32Array, scale: number): number => Math.hypot(...x.map((g) => g * scale));
    expect(gradients[0]!['projector.w']).toEqual(new Float32Array(D * D));
    expect(groupNorms!['projector']).toBeCloseTo(norm(gradients[1]!['projector.w']!, 8 / 9), 6);
    const mean = gradients[1]!['projector.w']!;
    expect(Math.abs(groupNorms!['projector']! - norm(mean, 1 / 2))).toBeGreaterThan(1e-3);
    expect(Number.isFinite(loss)).toBe(true);
  });

  test('one micro-batch gives the bits of a plain update, and those of weight 0 are not run', async () => {
    const all = rowsOf(new Array(12).fill(1), 3);
    await step.setState(start());
    const plain = await step.run('few', part(all, 0, 4), { lr: 0.01 });
    const expected = await step.getState();
    await step.setState(start());
    const poisoned = { ...part(all, 4, 12), y_N: new Float32Array(8).fill(Number.NaN) };
    const parts = [micro('few', part(all, 0, 4)), { variant: 'some', batch: poisoned, weight: 0 }];
    expect(await step.runAccumulated(parts, { lr: 0.01 })).toEqual(plain);
    expect(await step.getState()).toEqual(expected);
  });

  test('the same micro-batches give the same bits again', async () => {
    const all = rowsOf([1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1], 5);
    const parts = [micro('few', part(all, 0, 4)), micro('some', part(all, 4, 12)), micro('text', part(all, 2, 6))];
    const twice = [];
    for (let i = 0; i < 2; i++) {
      await step.setState(start());
      for (let n = 0; n < 3; n++) await step.runAccumulated(parts, { lr: 0.01 });
      twice.push(await step.getState());
    }
    expect(twice[1]).toEqual(twice[0]);
  });

  test('a gradient that is not finite in one of them updates nothing and tells its group', async () => {
    const all = rowsOf(new Array(12).fill(1), 3);
    const bad = part(all, 4, 12);
    bad['x_ND']![0] = Number.NaN;
    await step.setState(start());
    const parts = [micro('few', part(all, 0, 4)), micro('some', bad)];
    const result = await step.runAccumulated(parts, { lr: 0.01 });
    expect([result.gradNorm, result.groupNorms!['projector']]).toEqual([Number.NaN, Number.NaN]);
    expect(await step.getState()).toEqual(start());
  });

  test('weights that make no sense are refused', async () => {
    const batch = part(rowsOf(new Array(12).fill(1), 3), 0, 4);
    const call = (weights: number[]) =>
      step.runAccumulated(
        weights.map((weight) => ({ variant: 'few', batch, weight })),
        { lr: 0.1 },
      );
    await expect(call([1, -1])).rejects.toThrow(/Micro-batch 1: expected weight .* got -1/);
    await expect(call([Number.NaN])).rejects.toMatchObject({ code: 'invalid-batch' });
    await expect(call([0, 0])).rejects.toThrow(/above 0, got 2 without/);
    await expect(call([])).rejects.toMatchObject({ code: 'invalid-batch' });
    await expect(step.runAccumulated([{ variant: 'few', batch, weight: 1 }], { lr: -1 })).rejects.toThrow(/lr/);
  });
});

test('a device that keeps the state says that it cannot', async () => {
  const executor = new DeviceTrainExecutor({
    ...prepareDefinition(definition),
    params: definition.params,
    threads: 1,
    device: 'webgpu',
  });
  await expect(executor.runAccumulated()).rejects.toMatchObject({ code: 'unsupported' });
});
