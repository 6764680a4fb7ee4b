/** Legend: N rows, C rows of one chunk, D width, V vocabulary. */
import * as tf from '@tensorflow/tfjs-core';
import { JitError } from '../jit-error.ts';
import { scatterAdd } from './scatter-add.ts';
import { expectShape } from './shapes.ts';
import { withGradient } from './with-gradient.ts';

/** How the loss is computed. */
export interface CrossEntropyOptions {
  /** Parts in which the rows are worked through; default so many that the logits of one part are at most 2 MiB. */
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

/** Of logits at a time: they then stay in the cache of a core between the products, the softmax and the reductions. */
const chunkBytes = 2 * 2 ** 20;

/**
 * Weighted mean cross-entropy of a linear head's logits, with the gradient computed along with the value, chunk by chunk: the
 * logits of all rows never exist at the same time, and nothing is kept but the gradients of x and of the head.
 *
 * With p = softmax, lse = logsumexp, t the target: ∂ce/∂logits = p − onehot(t) and ∂lse²/∂logits = 2·lse·p. The one-hot part is
 * a gather and a scatter of rows, and scaling a row of p is left to the narrower side of the products.
 * @param x_ND float32 [N, D] features
 * @param head_VD float32 [V, D] head
 * @param targets_N int32 [N], each in 0 … V − 1, also where the weight is 0 (targets are data, so they are not checked here)
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
      const weighted_N = tf.mul(weights_N, tf.where(tf.greater(total, 0), tf.reciprocal(total), tf.scalar(0)));
      const zWeights_N = zLossOver === 'all' ? tf.fill([N], zCoefficient / N) : tf.mul(weighted_N, zCoefficient);

      const columns = (x: tf.Tensor) => tf.split(tf.reshape(x, [N, 1]), sizes, 0);
      const xs = tf.split(x_ND, sizes, 0);
      const targetRows_ND = tf.gather(head_VD, targets_N as tf.Tensor1D);
      const targetRows = tf.split(targetRows_ND, sizes, 0);
      const weights = columns(weighted_N);
      const zWeights = columns(zWeights_N);

      const dxs: tf.Tensor[] = [];
      const crossEntropies: tf.Tensor[] = [];
      const zLosses: tf.Tensor[] = [];
      let dHead_VD: tf.Tensor | undefined;
      for (let i = 0; i < sizes.length; i++) {
        const x_CD = xs[i]!;
        const w_C1 = weights[i]!;
        const z_C1 = zWeights[i]!;
        const logits_CV = tf.matMul(x_CD as tf.Tensor2D, head_VD as tf.Tensor2D, false, true);
        const p_CV = tf.softmax(logits_CV);
        // The largest logit's probability is exp(max − lse) ≥ 1/V: its logarithm is safe where the target's is not.
        const lse_C1 = tf.sub(tf.max(logits_CV, 1, true), tf.log(tf.max(p_CV, 1, true)));
        const targetLogit_C1 = tf.sum(tf.mul(x_CD, targetRows[i]!), 1, true);
        crossEntropies.push(tf.sum(tf.mul(w_C1, tf.sub(lse_C1, targetLogit_C1))));
        let scale_C1 = w_C1;
        if (zCoefficient !== 0) {
          const zLse_C1 = tf.mul(z_C1, lse_C1);
          zLosses.push(tf.sum(tf.mul(zLse_C1, lse_C1)));
          scale_C1 = tf.add(w_C1, tf.mul(zLse_C1, 2));
        }
        dxs.push(
          tf.sub(
            tf.mul(tf.matMul(p_CV as tf.Tensor2D, head_VD as tf.Tensor2D), scale_C1),
            tf.mul(targetRows[i]!, w_C1),
          ),
        );
        const dHead = tf.matMul(p_CV as tf.Tensor2D, tf.mul(x_CD, scale_C1) as tf.Tensor2D, true, false);
        dHead_VD = dHead_VD ? tf.add(dHead_VD, dHead) : dHead;
      }
      const dx_ND = tf.concat(dxs, 0);
      save([dx_ND, scatterAdd(dHead_VD!, targets_N, tf.mul(x_ND, tf.neg(tf.reshape(weighted_N, [N, 1]))))]);
      const crossEntropy = tf.addN(crossEntropies);
      const zLoss = zLosses.length > 0 ? tf.addN(zLosses) : tf.scalar(0);
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
