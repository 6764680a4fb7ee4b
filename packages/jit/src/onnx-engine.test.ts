import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { onnxEngine } from './index.ts';

test('a small MLP trains', async () => {
  const step = await onnxEngine({ threads: 1, worker: false }).compileTrainStep({
    params: {
      w: { shape: [4, 8], dtype: 'float32' },
      b: { shape: [8], dtype: 'float32' },
      v: { shape: [8, 1], dtype: 'float32' },
    },
    variants: { a: { x: { shape: [16, 4], dtype: 'float32' }, y: { shape: [16, 1], dtype: 'float32' } } },
    loss: ({ w, b, v }, { x, y }) => ({
      loss: tf.mean(tf.squaredDifference(tf.matMul(tf.tanh(tf.add(tf.matMul(x!, w!), b!)), v!), y!)) as tf.Scalar,
      metrics: { size: tf.sum(tf.abs(w!)) as tf.Scalar },
    }),
    optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, decays: (n) => n !== 'b', clipNorm: 1 },
  });
  const f = (n: number, s: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * s + 1));
  const z = () => ({ w: new Float32Array(32), b: new Float32Array(8), v: new Float32Array(8) });
  await step.setState({ params: { w: f(32, 1.1), b: f(8, 2.2), v: f(8, 3.3) }, m: z(), v: z(), step: 0 });
  const losses: { loss: number }[] = [];
  for (let i = 0; i < 100; i++) losses.push(await step.run('a', { x: f(64, 0.7), y: f(16, 1.3) }, { lr: 0.02 }));
  expect(losses.at(-1)!.loss).toBeLessThan(losses[0]!.loss / 2);
  await step.dispose();
});
