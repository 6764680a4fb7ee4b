import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { exportOnnx } from './export-onnx.ts';
import { worstRelativeError } from './relative-error.ts';
import { numbers } from './testing/networks.ts';

test('an exported graph runs in ONNX Runtime by itself, weights inside, under the names of the function', async () => {
  const bytes = exportOnnx(
    ({ w, bias }, { x }) => ({ y: tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), bias!)) }),
    {
      constants: {
        w: { spec: { shape: [3, 2], dtype: 'float32' }, data: numbers(6, 1) },
        bias: { spec: { shape: [2], dtype: 'float32' }, data: numbers(2, 2) },
      },
      inputs: { x: { shape: [4, 3], dtype: 'float32' } },
    },
  );
  const session = await ort.InferenceSession.create(bytes);
  expect([session.inputNames, session.outputNames]).toEqual([['x'], ['y']]);
  const x = numbers(12, 3);
  const { y } = await session.run({ x: new ort.Tensor('float32', x, [4, 3]) });
  const [w, bias] = [numbers(6, 1), numbers(2, 2)];
  const expected = Array.from({ length: 8 }, (_, i) => {
    const [row, column] = [i >> 1, i & 1];
    const sum = [0, 1, 2].reduce((total, k) => total + x[3 * row + k]! * w[2 * k + column]!, bias[column]!);
    return Math.max(0, sum);
  });
  expect(y!.dims).toEqual([4, 2]);
  expect(worstRelativeError(y!.data as Float32Array, expected)).toBeLessThan(1e-6);
  await session.release();
});

test('a large fill stays a few bytes in the file', () => {
  const bytes = exportOnnx((_, { x }) => ({ y: tf.scatterND(x as tf.Tensor, tf.ones([1, 1000]), [1000, 1000]) }), {
    constants: {},
    inputs: { x: { shape: [1, 1], dtype: 'int32' } },
  });
  expect(bytes.length).toBeLessThan(2000);
});

test('weights of the wrong size are refused', () => {
  const constants = { w: { spec: { shape: [3], dtype: 'float32' as const }, data: new Float32Array(2) } };
  expect(() => exportOnnx(({ w }) => ({ y: w! }), { constants, inputs: {} })).toThrow(
    /w to be float32 \[3\].*got Float32Array of 2/,
  );
});

test('names of the caller may look like the numbers of values', async () => {
  const spec = { shape: [20, 20], dtype: 'float32' as const };
  const names = ['v1', 'v2', 'v2_', 'v3', 'v4', 'v5_shape'];
  const bytes = exportOnnx(
    (_, inputs) => {
      const sum = Object.values(inputs).reduce((total, x) => tf.add(tf.mul(total, 2), x), tf.ones([20, 20]));
      return { v6: sum, v7: tf.fill([20, 20], 3), v7_shape: tf.neg(sum), v9: tf.exp(tf.neg(tf.abs(sum))) };
    },
    { constants: {}, inputs: Object.fromEntries(names.map((name) => [name, spec])) },
  );
  const session = await ort.InferenceSession.create(bytes);
  expect([session.inputNames, session.outputNames]).toEqual([names, ['v6', 'v7', 'v7_shape', 'v9']]);
  const feeds = names.map((name) => [name, new ort.Tensor('float32', new Float32Array(400).fill(1), [20, 20])]);
  const { v6, v7 } = await session.run(Object.fromEntries(feeds));
  expect([v6!.data[0], v7!.data[0]]).toEqual([127, 3]);
  await session.release();
});
