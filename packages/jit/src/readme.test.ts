import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { compiledKernels, onnxEngine } from './index.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

test('the example of the README is the one that runs here', async () => {
  // #region readme
  const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
  const step = await onnxEngine({ threads: 1 }).compileTrainStep({
    params: { w: f32(2, 1), b: f32(1) },
    variants: { points: { x: f32(4, 2), y: f32(4, 1) } },
    loss({ w, b }, { x, y }) {
      const prediction = tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b!);
      return { loss: tf.mean(tf.squaredDifference(prediction, y!)) as tf.Scalar };
    },
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
  });
  const zeros = () => ({ w: new Float32Array(2), b: new Float32Array(1) });
  await step.setState({ params: zeros(), m: zeros(), v: zeros(), step: 0 });

  const batch = { x: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1), y: Float32Array.of(1, 3, 0, 2) }; // y = 1 − x₀ + 2·x₁
  for (let i = 0; i < 500; i++) await step.run('points', batch, { lr: 0.02 });
  const { params } = await step.getState(); // params.w ≈ [−1, 2], params.b ≈ [1]
  await step.dispose();
  // #endregion readme

  expect(params['w']![0]).toBeCloseTo(-1, 2);
  expect(params['w']![1]).toBeCloseTo(2, 2);
  expect(params['b']![0]).toBeCloseTo(1, 2);
  const own = readFileSync(import.meta.filename, 'utf8');
  const code = own.slice(own.indexOf('// #region readme\n') + 18, own.indexOf('  // #endregion readme'));
  expect(readme).toContain(code.replaceAll(/^ {2}/gm, ''));
});

test('the table of the README lists every kernel that compiles', () => {
  const all = compiledKernels();
  const list = (hasGradient: boolean) =>
    all.filter((entry) => entry.hasGradient === hasGradient).map(({ kernel }) => `\`${kernel}\``);
  expect(readme).toContain(list(true).join(' '));
  expect(readme).toContain(list(false).join(' '));
});
