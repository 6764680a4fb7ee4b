/** Legend: V vocabulary, D width, N tokens in all. */
import * as tf from '@tensorflow/tfjs-core';
import { scatterAdd } from './scatter-add.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/**
 * Rows of a table; the gradient is scattered back by addition.
 * @param table_VD float32 [V, D]
 * @param ids int32 of any shape, each in 0 … V − 1 (engines refuse others before they run)
 * @returns float32 [...ids.shape, D]
 * @throws {JitError} `invalid-definition` unless the table has rank 2
 * @example embedding(table_VD, tf.tensor2d([[1, 0]], [1, 2], 'int32')) // [1, 2, D]
 */
export function embedding(table_VD: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  expectShape('embedding', 'table_VD', table_VD, [-1, -1]);
  const [V, D] = table_VD.shape as [number, number];
  const ids_N = tf.reshape(ids, [ids.size]) as tf.Tensor1D;
  return withGradient(
    [table_VD],
    (save) => {
      save([ids_N]);
      return tf.reshape(tf.gather(table_VD, ids_N), [...ids.shape, D]);
    },
    (dy, saved) => [scatterAdd(tf.zeros([V, D]), saved[0]!, tf.reshape(dy, [ids.size, D]))],
  );
}
