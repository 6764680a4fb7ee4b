/** Legend: V rows of a table, D width, N updates. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';

/**
 * ONNX Runtime shares a larger ScatterND among threads, and then rows that meet are summed in an order that changes from run to
 * run. Below about 200 000 numbers its cost model keeps to one thread, so a larger scatter is made of smaller ones: same inputs,
 * same bits. Each works in place on the result of the one before.
 */
const numbersAtOnce = 160_000;

/**
 * `base_VD` with every row of `updates_ND` added to the row that its id names, in the order of the rows.
 * @param base_VD float32 [V, D]
 * @param ids_N int32 [N]
 * @param updates_ND float32 [N, D]
 * @returns float32 [V, D]
 */
export function scatterAdd(base_VD: tf.Tensor, ids_N: tf.Tensor, updates_ND: tf.Tensor): tf.Tensor {
  const [V, D] = base_VD.shape as [number, number];
  const N = ids_N.size;
  const count = Math.max(1, Math.ceil((N * D) / numbersAtOnce));
  const sizes = Array.from(
    { length: count },
    (_, i) => Math.floor(((i + 1) * N) / count) - Math.floor((i * N) / count),
  );
  const ids = tf.split(tf.reshape(ids_N, [N, 1]), sizes, 0);
  const updates = tf.split(updates_ND, sizes, 0);
  return ids.reduce((sum_VD, ids_C1, i) => {
    const [next] = fusedOp(
      {
        op: 'ScatterND',
        attributes: { reduction: 'add' },
        int64Inputs: [1],
        outputs: [{ shape: [V, D], dtype: 'float32' }],
      },
      [sum_VD, ids_C1, updates[i]!],
      () => [tf.add(sum_VD, tf.scatterND(ids_C1, updates[i]!, [V, D]))],
    );
    return next!;
  }, base_VD);
}
