import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as ort from 'onnxruntime-web/wasm';
import { expect, test } from 'vitest';
import { jit } from '../jit.ts';
import { causalAttention, gelu, layerNorm, linear, rmsNorm, rotary, swiglu } from '../nn/index.ts';
import { worstRelativeError } from '../relative-error.ts';
import { numbers } from '../testing/networks.ts';

tf.env().set('PROD', true); // No greeting of tfjs on the console.

test('an exported block of a decoder loads in onnxruntime-web and says the same there', async () => {
  const [B, T, D, H] = [2, 5, 8, 12];
  const weights = (seed: number, ...shape: number[]) =>
    tf.tensor(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      shape,
    );
  const [qkv, out, up, down, gain] = [
    weights(1, 3 * D, D),
    weights(2, D, D),
    weights(3, 2 * H, D),
    weights(4, D, H),
    weights(5, D),
  ];
  const block = jit(
    (x: tf.Tensor3D) => {
      const turn = (y: tf.Tensor) => rotary(y, { heads: 2, base: 10000 });
      const parts = tf.split(linear(rmsNorm(x, gain, { epsilon: 1e-5 }), qkv), 3, -1);
      const [q, k, v] = parts as [tf.Tensor, tf.Tensor, tf.Tensor];
      const h = tf.add(x, linear(causalAttention(turn(q), turn(k), v, { heads: 2 }), out));
      return layerNorm(gelu(tf.add(h, linear(swiglu(linear(h, up)), down))), gain, { epsilon: 1e-5 });
    },
    { threads: 1, worker: false },
  );
  const x = weights(6, B, T, D) as tf.Tensor3D;
  const expected = await (await block(x)).data();
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(block.toOnnx(x), { executionProviders: ['wasm'] });
  expect([session.inputNames, session.outputNames]).toEqual([['args.0'], ['result']]);
  const { result } = await session.run({ 'args.0': new ort.Tensor('float32', numbers(B * T * D, 6), [B, T, D]) });
  expect(result!.dims).toEqual([B, T, D]);
  expect(worstRelativeError(result!.data as Float32Array, expected)).toBeLessThan(1e-5);
  await block.dispose();
});
