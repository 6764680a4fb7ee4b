/** Legend: N rows, C rows of one chunk, D width, V vocabulary. */
import * as tf from '@tensorflow/tfjs-core';
import { fusedOp } from '../fused-op.ts';
import { JitError } from '../jit-error.ts';
import { activeTrace } from '../trace/active-trace.ts';
import { scatterAdd } from './scatter-add.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/** How the loss is computed. */
export interface CrossEntropyOptions {
  /** Parts in which the rows are worked through; default so many that the logits of one part are at most 16 MiB. */
  chunks?: number;
  /** Coefficient of the z-loss (Chowdhery et al. 2022); default 0. */
  zLoss?: number;
  /** The rows that the z-loss averages over: those that carry weight (default), or all of them (OpenLM). */
  zLossOver?: 'weighted' | 'all';
}

/** `loss` = `crossEntropy` + `zLoss`. Only `loss` carries the gradient; the other two are for reports. */
export interface CrossEntropyResult {
  loss: tf.Scalar;
  /** Σ w·ce / Σ w, in nats */
  crossEntropy: tf.Scalar;
  /** coefficient · mean of logsumexp² */
  zLoss: tf.Scalar;
}

/** Of logits at a time: enough rows for products at full speed, few enough for a cache that cores share. */
const chunkBytes = 16 * 2 ** 20;

/**
 * Weighted mean cross-entropy of a linear head's logits, with the gradient computed along with the value, chunk by chunk: the
 * logits of all rows never exist at the same time, and nothing is kept but the gradients of x and of the head.
 *
 * With p = softmax, lse = logsumexp, t the target: ∂ce/∂logits = p − onehot(t) and ∂lse²/∂logits = 2·lse·p. The one-hot part is
 * a gather and a scatter of rows; scaling the rows of p is left to the narrower side of the products.
 * @param x_ND float32 [N, D] features
 * @param head_VD float32 [V, D] head
 * @param targets_N int32 [N], each in 0 … V − 1, also where the weight is 0 (engines refuse others before a step)
 * @param weights_N float32 [N], ≥ 0; all zero gives a loss of 0 and zero gradients (of the cross-entropy)
 * @returns scalars: `loss`, which is what to differentiate, and its two parts
 * @throws {JitError} `invalid-definition` when shapes or options make no sense
 * @example const { loss } = crossEntropy(x_ND, head_VD, targets_N, weights_N, { zLoss: 1e-4 })
 */
export function crossEntropy(
  x_ND: tf.Tensor,
  head_VD: tf.Tensor,
  targets_N: tf.Tensor,
  weights_N: tf.Tensor,
  options: CrossEntropyOptions = {},
): CrossEntropyResult {
  expectShape('crossEntropy', 'x_ND', x_ND, [-1, -1]);
  const [N, D] = x_ND.shape as [number, number];
  expectShape('crossEntropy', 'head_VD', head_VD, [-1, D]);
  const V = head_VD.shape[0]!;
  expectShape('crossEntropy', 'targets_N', targets_N, [N]);
  expectShape('crossEntropy', 'weights_N', weights_N, [N]);
  const { zLoss: zCoefficient = 0, zLossOver = 'weighted' } = options;
  const sizes = chunkSizes(N, options.chunks ?? Math.max(1, Math.ceil((4 * N * V) / chunkBytes)));

  const parts_3 = withGradient(
    [x_ND, head_VD],
    (save) => {
      const total = tf.sum(weights_N);
      const inverse = tf.where(tf.greater(total, 0), tf.reciprocal(total), tf.scalar(0));
      const w_N1 = tf.reshape(tf.mul(weights_N, inverse), [N, 1]);
      const z_N1 = zLossOver === 'all' ? tf.fill([N, 1], zCoefficient / N) : tf.mul(w_N1, zCoefficient);

      const [xs, ws, zs] = [x_ND, w_N1, tf.mul(z_N1, 2)].map((x) => tf.split(x, sizes, 0)) as [
        tf.Tensor[],
        tf.Tensor[],
        tf.Tensor[],
      ];
      const lses: tf.Tensor[] = [];
      const scales: tf.Tensor[] = [];
      const means: tf.Tensor[] = [];
      let dHead_VD: tf.Tensor | undefined;
      for (const [i, x_CD] of xs.entries()) {
        // The probabilities of one chunk have been used up before the next chunk is begun.
        const logits_CV = runAfter([dHead_VD, means.at(-1)], [x_CD], () => tf.matMul(x_CD, head_VD, false, true));
        const p_CV = tf.softmax(logits_CV);
        // The largest logit's probability is exp(max − lse) ≥ 1/V: its logarithm is safe where the target's is not.
        const lse_C1 = tf.sub(largest(logits_CV), tf.log(largest(p_CV)));
        const scale_C1 = zCoefficient === 0 ? ws[i]! : tf.add(ws[i]!, tf.mul(zs[i]!, lse_C1));
        const mean_CD = tf.matMul(p_CV, head_VD);
        const scaled_CD = tf.mul(x_CD, scale_C1);
        // The probabilities have been used up before the sum is taken.
        const dHead = runAfter([mean_CD], [scaled_CD], () => tf.matMul(p_CV, scaled_CD, true, false));
        dHead_VD = dHead_VD ? tf.add(dHead_VD, dHead) : dHead;
        means.push(mean_CD);
        scales.push(scale_C1);
        lses.push(lse_C1);
      }
      const targetRows_ND = tf.gather(head_VD, targets_N as tf.Tensor1D);
      const scale_N1 = tf.concat(scales, 0);
      const dx_ND = tf.sub(tf.mul(tf.concat(means, 0), scale_N1), tf.mul(targetRows_ND, w_N1));
      save([dx_ND, scatterAdd(dHead_VD!, targets_N, tf.mul(x_ND, tf.neg(w_N1)))]);

      const lse_N1 = tf.concat(lses, 0);
      const targetLogit_N1 = tf.sum(tf.mul(x_ND, targetRows_ND), 1, true);
      const crossEntropy = tf.sum(tf.mul(w_N1, tf.sub(lse_N1, targetLogit_N1)));
      const zLoss = zCoefficient === 0 ? tf.scalar(0) : tf.sum(tf.mul(z_N1, tf.square(lse_N1)));
      return tf.stack([tf.add(crossEntropy, zLoss), crossEntropy, zLoss]);
    },
    (dy_3, saved) => {
      const [dx_ND, dHead_VD] = saved as [tf.Tensor, tf.Tensor];
      const dLoss = tf.split(dy_3, 3)[0]!;
      return [tf.mul(dx_ND, dLoss), tf.mul(dHead_VD, dLoss)];
    },
  );
  const [, crossEntropy, zLoss] = tf.split(parts_3, 3).map((part) => tf.reshape(part, []) as tf.Scalar);
  return { loss: first(parts_3), crossEntropy: crossEntropy!, zLoss: zLoss! };
}

/** `body` on `inputs` that, in a compiled graph, are known only after `before` are. */
function runAfter<T>(before: readonly (tf.Tensor | undefined)[], inputs: readonly tf.Tensor[], body: () => T): T {
  const trace = activeTrace();
  if (!trace) return body();
  return before.reduce((run, tensor) => (tensor ? () => trace.recompute(inputs, tensor, run) : run), body)();
}

/** The largest number of each row, [C, 1]. Where one is NaN the result may be any: the probabilities of that row are NaN anyway. */
function largest(x_CV: tf.Tensor): tf.Tensor {
  const [max_C1] = fusedOp(
    {
      op: 'ReduceMax',
      attributes: { keepdims: true },
      int64Inputs: [1],
      outputs: [{ shape: [x_CV.shape[0]!, 1], dtype: 'float32' }],
    },
    [x_CV, tf.tensor1d([1], 'int32')],
    () => [tf.max(x_CV, 1, true)],
  );
  return max_C1!;
}

/** The first of the three numbers; its gradient leaves the other two alone. */
function first(parts_3: tf.Tensor): tf.Scalar {
  return withGradient(
    [parts_3],
    () => tf.reshape(tf.split(parts_3, 3)[0]!, []),
    (dy) => [tf.stack([dy, tf.scalar(0), tf.scalar(0)])],
  ) as tf.Scalar;
}

/** `chunks` sizes that differ by at most one and sum to `N`. */
function chunkSizes(N: number, chunks: number): number[] {
  if (!Number.isInteger(chunks) || chunks < 1) {
    throw new JitError(
      'invalid-definition',
      `crossEntropy expects chunks to be an integer of at least 1, got ${chunks}.`,
    );
  }
  const count = Math.max(1, Math.min(chunks, N));
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * N) / count) - Math.floor((i * N) / count));
}
