import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { onnxEngine } from '../index.ts';
import { embedding } from './index.ts';
import { moduleContract, wave } from './testing/module-contract.ts';

describe('compiled modules agree with tfjs', () => moduleContract(onnxEngine({ threads: 1 }), 1e-6));

test('the gradient of an embedding whose rows meet has the same bits in every run on several threads', async () => {
  const [V, D, N] = [3, 64, 8192];
  const forward = await onnxEngine({ threads: 2 }).compileForward(
    (_constants, { table, tokens: ids_N, dy }) => ({
      gradient: tf.grad((t) => embedding(t, ids_N!))(table!, dy!),
    }),
    {
      constants: {},
      inputs: {
        table: { shape: [V, D], dtype: 'float32' },
        tokens: { shape: [N], dtype: 'int32' },
        dy: { shape: [N, D], dtype: 'float32' },
      },
    },
  );
  try {
    const inputs = {
      table: wave([V, D], 0),
      tokens: Int32Array.from({ length: N }, (_, i) => (i * 7919) % V),
      dy: wave([N, D], 1).map((x) => 1000 * x),
    };
    const { gradient } = await forward.run(inputs);
    for (let run = 0; run < 20; run++) expect((await forward.run(inputs))['gradient']).toEqual(gradient);
  } finally {
    await forward.dispose();
  }
});
