/** Sums, orders and what moves numbers about. */
import * as tf from '@tensorflow/tfjs-core';
import { ids, type OperationCase } from './operation-case.ts';

export const arrayCases: Record<string, OperationCase> = {
  sum: { shapes: [[2, 3, 4]], f: (a) => tf.sum(a, [0, 2]) },
  'sum of all': { shapes: [[2, 3]], f: (a) => tf.sum(a) },
  mean: { shapes: [[2, 3, 4]], f: (a) => tf.mean(a, 1, true) },
  max: { shapes: [[2, 3, 4]], f: (a) => tf.max(a, [1]), kinked: true },
  min: { shapes: [[2, 3, 4]], f: (a) => tf.min(a, -1, true), kinked: true },
  prod: { shapes: [[2, 4]], f: (a) => tf.prod(a, 1) },
  'prod with zeros': {
    shapes: [[2, 4]],
    f: (a) => tf.prod(tf.mul(a, tf.tensor2d([0, 1, 1, 1, 0, 0, 1, 1], [2, 4])), 1),
  },
  'all and any': {
    shapes: [[3, 3]],
    f: (a) =>
      tf.stack([tf.all(tf.greater(a, -0.5), 1), tf.any(tf.greater(a, 0.5), 1)].map((x) => tf.cast(x, 'float32'))),
    forwardOnly: true,
  },
  'argmax and argmin': {
    shapes: [[3, 5]],
    f: (a) => tf.cast(tf.concat([tf.argMax(a, 1), tf.argMin(a, 0)]), 'float32'),
    forwardOnly: true,
  },
  softmax: { shapes: [[3, 5]], f: (a) => tf.softmax(tf.mul(a, 3)) },
  logSoftmax: { shapes: [[3, 5]], f: (a) => tf.logSoftmax(tf.mul(a, 3)) },
  logSumExp: { shapes: [[3, 5]], f: (a) => tf.logSumExp(a, 1) },
  cumsum: { shapes: [[3, 4]], f: (a) => tf.cumsum(a, 0, true) },
  'cumsum reversed': { shapes: [[3, 4]], f: (a) => tf.cumsum(a, 1, false, true) },
  topk: { shapes: [[3, 5]], f: (a) => tf.topk(a, 2).values, forwardOnly: true },
  reshape: { shapes: [[2, 6]], f: (a) => tf.reshape(a, [3, -1]) },
  'expandDims and squeeze': { shapes: [[2, 3]], f: (a) => tf.squeeze(tf.expandDims(tf.expandDims(a, 1), -1), [1]) },
  transpose: { shapes: [[2, 3, 4]], f: (a) => tf.transpose(tf.tanh(tf.transpose(a, [2, 0, 1])), [1, 0, 2]) },
  broadcastTo: { shapes: [[3, 1]], f: (a) => tf.broadcastTo(a, [2, 3, 4]) },
  tile: { shapes: [[2, 3]], f: (a) => tf.tile(a, [2, 3]) },
  'tile of ones': { shapes: [[2, 1]], f: (a) => tf.mul(tf.tile(a, [1, 3]), tf.range(0, 3)) },
  concat: {
    shapes: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    f: (a, b, c) => tf.concat([a, b, c], 1),
  },
  stack: {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    f: (a, b) => tf.stack([a, b], 1),
  },
  unstack: { shapes: [[3, 2]], f: (a) => tf.mul(tf.unstack(a, 0)[1]!, tf.unstack(a, 0)[2]!) },
  split: { shapes: [[2, 6]], f: (a) => tf.mul(tf.split(a, 2, 1)[0]!, tf.split(a, [1, 3, 2], 1)[1]!) },
  slice: { shapes: [[3, 4, 2]], f: (a) => tf.slice(a, [1, 0, 1], [2, 3, 1]) },
  stridedSlice: { shapes: [[4, 5]], f: (a) => tf.stridedSlice(a, [3, 1], [0, 5], [-1, 2]), forwardOnly: true },
  'stridedSlice to the start': {
    shapes: [[4, 5]],
    f: (a) => tf.stridedSlice(a, [3, 0], [0, 0], [-2, 1], 0, 3, 0, 0, 0),
    forwardOnly: true,
  },
  pad: {
    shapes: [[2, 3]],
    f: (a) =>
      tf.pad(
        a,
        [
          [1, 0],
          [0, 2],
        ],
        0.5,
      ),
  },
  mirrorPad: {
    shapes: [[3, 4]],
    f: (a) =>
      tf.mirrorPad(
        a,
        [
          [1, 1],
          [2, 0],
        ],
        'reflect',
      ),
    forwardOnly: true,
  },
  reverse: { shapes: [[3, 4]], f: (a) => tf.reverse(a, [1]) },
  gather: { shapes: [[3, 4]], f: (a) => tf.gather(a, ids()) },
  'gather along the second axis': { shapes: [[2, 3, 2]], f: (a) => tf.gather(a, ids(), 1) },
  'gather in batches': {
    shapes: [[2, 3, 2]],
    f: (a) => tf.gather(a, tf.tensor2d([1, 1, 0, 2], [2, 2], 'int32'), 1, 1),
    onlyDifferences: true,
  },
  gatherND: { shapes: [[3, 4]], f: (a) => tf.gatherND(a, tf.tensor2d([2, 1, 0, 3, 2, 1], [3, 2], 'int32')) },
  scatterND: { shapes: [[3, 2]], f: (a) => tf.scatterND(tf.tensor2d([2, 0, 2], [3, 1], 'int32'), a, [4, 2]) },
  tensorScatterUpdate: {
    shapes: [
      [4, 2],
      [2, 2],
    ],
    f: (a, b) => tf.tensorScatterUpdate(a, tf.tensor2d([2, 0], [2, 1], 'int32'), b),
    forwardOnly: true,
  },
  unsortedSegmentSum: { shapes: [[3, 2]], f: (a) => tf.unsortedSegmentSum(a, ids(), 4) },
  oneHot: { shapes: [[3, 4]], f: (a) => tf.mul(a, tf.oneHot(ids(), 4, 2, -1)) },
  'constants of every kind': {
    shapes: [[3]],
    f: (a) => tf.addN([a, tf.fill([3], 0.25), tf.onesLike(a), tf.zerosLike(a), tf.range(0, 3), tf.linspace(0, 1, 3)]),
  },
  cumprod: { shapes: [[3, 5]], f: (a) => tf.cumprod(a, 1, true, true), forwardOnly: true },
  'mirrorPad symmetric': {
    shapes: [[3, 4]],
    f: (a) =>
      tf.mirrorPad(
        a,
        [
          [2, 1],
          [0, 3],
        ],
        'symmetric',
      ),
  },
  'mirrorPad reflect': {
    shapes: [[3, 4]],
    f: (a) =>
      tf.mirrorPad(
        a,
        [
          [2, 1],
          [0, 3],
        ],
        'reflect',
      ),
  },
  diag: { shapes: [[2, 3]], f: (a) => tf.diag(a), forwardOnly: true },
  bincounts: {
    shapes: [[5]],
    f: (a) => {
      const x = tf.tensor1d([1, 3, 1, 7, 0], 'int32');
      const rows = tf.reshape(x, [1, 5]) as tf.Tensor2D;
      const weights = tf.reshape(a, [1, 5]) as tf.Tensor2D;
      const presence = tf.denseBincount(rows, weights, 4, true);
      return tf.concat([
        tf.bincount(x, a as tf.Tensor1D, 4),
        tf.reshape(tf.denseBincount(rows, weights, 4), [4]),
        tf.reshape(presence, [4]),
      ]);
    },
    forwardOnly: true,
  },
  searchSorted: {
    shapes: [[2, 4]],
    f: (a) => {
      const sorted = tf.tensor2d([-0.5, 0, 0.5, -0.2, -0.1, 0.9], [2, 3]);
      const sides = (['left', 'right'] as const).map((side) => tf.searchSorted(sorted, a, side));
      return tf.cast(tf.concat([...sides, tf.lowerBound(sorted, a), tf.upperBound(sorted, a)]), 'float32');
    },
    forwardOnly: true,
  },
  sparseToDense: {
    shapes: [[3]],
    f: (a) => tf.sparseToDense(tf.tensor2d([0, 1, 2, 3, 1, 0], [3, 2], 'int32'), a, [3, 4], tf.scalar(0.5)),
    forwardOnly: true,
  },
  broadcastArgs: {
    shapes: [[1]],
    f: (a) => {
      const shape = tf.broadcastArgs(tf.tensor1d([3, 1], 'int32'), tf.tensor1d([2, 1, 4], 'int32'));
      return tf.mul(tf.cast(shape, 'float32'), a);
    },
    forwardOnly: true,
  },
};
