/** Legend: V rows of a table, D width, N updates. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { scatterSizes } from '../trace/scatter-add.ts';

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
  const ids_N1 = tf.reshape(ids_N, [N, 1]);
  const [sum_VD] = fusedOp(
    {
      op: 'ScatterND',
      attributes: { reduction: 'add' },
      int64Inputs: [1],
      outputs: [{ shape: [V, D], dtype: 'float32' }],
    },
    [base_VD, ids_N1, updates_ND],
    () => {
      const sizes = scatterSizes([N, D]);
      const updates = tf.split(updates_ND, sizes, 0);
      return [
        tf
          .split(ids_N1, sizes, 0)
          .reduce((sum, ids_C1, i) => tf.add(sum, tf.scatterND(ids_C1, updates[i]!, [V, D])), base_VD),
      ];
    },
  );
  return sum_VD!;
}
