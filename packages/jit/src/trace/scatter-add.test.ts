import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { fusedOp } from '../fused-op.ts';
import { onnxEngine } from '../onnx-engine.ts';
import { worstRelativeError } from '../relative-error.ts';
import { numbers } from '../testing/networks.ts';
import { scatterSizes } from './scatter-add.ts';

const [rows, updates, width] = [7, 40_000, 64];
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

test('rows that meet are summed in the same order in every run on several threads', async () => {
  const forward = await onnxEngine({ threads: 4, worker: false }).compileForward(
    (_constants, { table, ids, dy }) => {
      const ids_N1 = tf.reshape(ids!, [updates, 1]);
      const [fused] = fusedOp(
        { op: 'ScatterND', attributes: { reduction: 'add' }, int64Inputs: [1], outputs: [f32(rows, width)] },
        [table!, ids_N1, dy!],
        () => [],
      );
      return {
        gather: tf.grad((t) => tf.gather(t, ids as tf.Tensor1D))(table!, dy!),
        scatterND: tf.scatterND(ids_N1, dy!, [rows, width]),
        segments: tf.unsortedSegmentSum(dy!, ids as tf.Tensor1D, rows),
        fused: fused!,
      };
    },
    {
      constants: {},
      inputs: { table: f32(rows, width), ids: { shape: [updates], dtype: 'int32' }, dy: f32(updates, width) },
    },
  );
  const inputs = {
    table: new Float32Array(rows * width),
    ids: Int32Array.from({ length: updates }, (_, i) => (i * 7919) % rows),
    dy: numbers(updates * width, 1).map((x) => 1000 * x),
  };
  try {
    const first = await forward.run(inputs);
    // One after another, as numbers of their own order.
    const expected = new Float32Array(rows * width);
    for (const [n, id] of inputs.ids.entries())
      for (let i = 0; i < width; i++) expected[id * width + i]! += inputs.dy[n * width + i]!;
    for (const sums of Object.values(first)) expect(worstRelativeError(sums, expected)).toBe(0);
    for (let run = 0; run < 3; run++) expect(await forward.run(inputs)).toEqual(first);
  } finally {
    await forward.dispose();
  }
});

test('every row is added once, also where one alone is large', () => {
  for (const shape of [
    [0, 3],
    [1, 400_000],
    [3, 400_000],
    [5, 60_000],
    [40_000, 64],
  ]) {
    const sizes = scatterSizes(shape);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(shape[0]);
    expect(sizes.length === 1 || sizes.every((size) => size > 0)).toBe(true);
  }
});
