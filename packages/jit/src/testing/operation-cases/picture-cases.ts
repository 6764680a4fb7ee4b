/** Matrix products, convolutions, pools and pictures. */
import * as tf from '@tensorflow/tfjs-core';
import { type OperationCase, x4, x5 } from './operation-case.ts';

export const pictureCases: Record<string, OperationCase> = {
  matMul: {
    shapes: [
      [3, 4],
      [4, 2],
    ],
    f: (a, b) => tf.matMul(a, b),
  },
  'matMul, both transposed': {
    shapes: [
      [4, 3],
      [2, 4],
    ],
    f: (a, b) => tf.matMul(a, b, true, true),
  },
  'matMul in batches': {
    shapes: [
      [2, 2, 3, 4],
      [2, 2, 5, 4],
    ],
    f: (a, b) => tf.matMul(a, b, false, true),
  },
  'matMul in batches, left transposed': {
    shapes: [
      [2, 4, 3],
      [2, 4, 5],
    ],
    f: (a, b) => tf.matMul(a, b, true),
  },
  'matMul with one matrix for all': {
    shapes: [
      [2, 3, 4],
      [1, 4, 5],
    ],
    f: (a, b) => tf.matMul(a, b),
  },
  'matMul with one matrix on the left': {
    shapes: [
      [1, 3, 4],
      [2, 4, 5],
    ],
    f: (a, b) => tf.matMul(a, b),
  },
  'fused matMul': {
    shapes: [[3, 4], [4, 2], [2]],
    f: (a, b, c) => tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: c, activation: 'relu' }),
    forwardOnly: true,
  },
  'conv2d same': {
    shapes: [
      [2, 5, 6, 2],
      [3, 3, 2, 3],
    ],
    f: (a, b) => tf.conv2d(x4(a), x4(b), 2, 'same'),
  },
  'conv2d valid': {
    shapes: [
      [2, 6, 7, 2],
      [2, 3, 2, 3],
    ],
    f: (a, b) => tf.conv2d(x4(a), x4(b), [3, 2], 'valid'),
  },
  'conv2d explicit padding': {
    shapes: [
      [1, 4, 4, 2],
      [3, 3, 2, 2],
    ],
    f: (a, b) => tf.conv2d(x4(a), x4(b), 1, 1),
  },
  'conv2d dilated': {
    shapes: [
      [1, 7, 7, 2],
      [3, 3, 2, 2],
    ],
    f: (a, b) => tf.conv2d(x4(a), x4(b), 1, 'valid', 'NHWC', 2),
    forwardOnly: true,
  },
  conv2dTranspose: {
    shapes: [
      [1, 3, 3, 2],
      [3, 3, 3, 2],
    ],
    f: (a, b) => tf.conv2dTranspose(x4(a), x4(b), [1, 6, 6, 3], 2, 'same'),
  },
  'depthwise conv2d': {
    shapes: [
      [2, 5, 5, 3],
      [2, 3, 3, 2],
    ],
    f: (a, b) => tf.depthwiseConv2d(x4(a), x4(b), 2, 'same'),
  },
  'fused conv2d': {
    shapes: [[1, 4, 4, 2], [2, 2, 2, 3], [3]],
    f: (a, b, c) => tf.fused.conv2d({ x: x4(a), filter: x4(b), strides: 1, pad: 'same', bias: c, activation: 'elu' }),
    forwardOnly: true,
  },
  'fused depthwise conv2d': {
    shapes: [[1, 4, 4, 2], [2, 2, 2, 2], [4]],
    f: (a, b, c) =>
      tf.fused.depthwiseConv2d({ x: x4(a), filter: x4(b), strides: 1, pad: 'valid', bias: c, activation: 'sigmoid' }),
    forwardOnly: true,
  },
  maxPool: { shapes: [[2, 5, 5, 2]], f: (a) => tf.maxPool(x4(a), 3, 2, 'same'), kinked: true },
  'avgPool same': { shapes: [[2, 5, 5, 2]], f: (a) => tf.avgPool(x4(a), 2, 1, 'same'), onlyDifferences: true },
  'avgPool valid': { shapes: [[2, 6, 5, 2]], f: (a) => tf.avgPool(x4(a), [3, 2], 2, 'valid') },
  batchNorm: {
    shapes: [[2, 3, 3, 2], [2], [2]],
    f: (a, b, c) => {
      const { mean, variance } = tf.moments(a, [0, 1, 2]);
      return tf.batchNorm(a, mean as tf.Tensor1D, variance as tf.Tensor1D, c as tf.Tensor1D, b as tf.Tensor1D, 1e-2);
    },
  },
  resizeBilinear: { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.resizeBilinear(x4(a), [5, 7]), forwardOnly: true },
  'resizeBilinear, half pixels': {
    shapes: [[1, 3, 4, 2]],
    f: (a) => tf.image.resizeBilinear(x4(a), [6, 3], false, true),
    forwardOnly: true,
  },
  einsum: {
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    f: (a, b) => tf.einsum('bij, bjk -> ikb', a, b),
    forwardOnly: true,
  },
  'conv2d, channels first': {
    shapes: [
      [1, 2, 5, 6],
      [3, 3, 2, 3],
    ],
    f: (a, b) => tf.conv2d(x4(a), x4(b), 1, 'valid', 'NCHW'),
    forwardOnly: true,
  },
  conv3d: {
    shapes: [
      [1, 4, 5, 3, 2],
      [2, 3, 2, 2, 3],
    ],
    f: (a, b) => tf.conv3d(x5(a), x5(b), [2, 1, 1], 'same'),
  },
  conv3dTranspose: {
    shapes: [
      [1, 2, 2, 2, 3],
      [2, 2, 2, 2, 3],
    ],
    f: (a, b) => tf.conv3dTranspose(x5(a), x5(b), [1, 4, 4, 4, 2], 2, 'same'),
    forwardOnly: true,
  },
  maxPool3d: { shapes: [[1, 4, 5, 3, 2]], f: (a) => tf.maxPool3d(x5(a), 2, [2, 1, 1], 'same'), kinked: true },
  avgPool3d: { shapes: [[1, 4, 5, 3, 2]], f: (a) => tf.avgPool3d(x5(a), 2, [2, 1, 1], 'valid') },
  maxPoolWithArgmax: {
    shapes: [[2, 5, 4, 3]],
    f: (a) => {
      const { result, indexes } = tf.maxPoolWithArgmax(x4(a), 2, 2, 'same', true);
      return tf.stack([result!, tf.cast(indexes!, 'float32')]);
    },
    forwardOnly: true,
  },
  'avgPool, wide padding': { shapes: [[1, 3, 3, 2]], f: (a) => tf.avgPool(x4(a), 2, 1, 2), forwardOnly: true },
  localResponseNormalization: {
    shapes: [[1, 2, 3, 7]],
    f: (a) => tf.localResponseNormalization(x4(a), 2, 1, 0.8, 0.6),
  },
  'resizeBilinear, shrunk, corners': {
    shapes: [[2, 5, 7, 2]],
    f: (a) => tf.image.resizeBilinear(x4(a), [3, 4], true),
    onlyDifferences: true,
  },
  'resizeBilinear, half pixels, differentiated': {
    shapes: [[1, 3, 4, 2]],
    f: (a) => tf.image.resizeBilinear(x4(a), [6, 3], false, true),
    onlyDifferences: true,
  },
  'resizeNearest, corners': { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.resizeNearestNeighbor(x4(a), [5, 7], true) },
  'resizeNearest, half pixels': {
    shapes: [[1, 5, 4, 2]],
    f: (a) => tf.image.resizeNearestNeighbor(x4(a), [3, 7], false, true),
    forwardOnly: true,
  },
  cropAndResize: {
    shapes: [
      [2, 5, 6, 2],
      [3, 4],
    ],
    from: [-0.2, 1.2],
    f: (a, b) =>
      tf.image.cropAndResize(x4(a), b as tf.Tensor2D, tf.tensor1d([0, 1, 1], 'int32'), [4, 3], 'bilinear', 7),
    forwardOnly: true,
  },
  rotateWithOffset: {
    shapes: [[2, 5, 6, 4]],
    f: (a) => tf.image.rotateWithOffset(x4(a), 0.7, [0.1, 0.2, 0.3], [0.4, 0.6]),
    forwardOnly: true,
  },
  transform: {
    shapes: [
      [1, 5, 6, 2],
      [1, 8],
    ],
    f: (a, b) =>
      tf.concat(
        (['constant', 'reflect', 'wrap', 'nearest'] as const).map((mode) =>
          tf.image.transform(x4(a), tf.mul(b, 0.5) as tf.Tensor2D, 'bilinear', mode, 0.5, [4, 7]),
        ),
      ),
    forwardOnly: true,
  },
  dilation2d: {
    shapes: [
      [2, 6, 5, 3],
      [2, 3, 3],
    ],
    f: (a, b) => tf.dilation2d(x4(a), b as tf.Tensor3D, [2, 1], 'same', [1, 2]),
    kinked: true,
  },
  spaceToBatchND: {
    shapes: [[2, 5, 3, 2]],
    f: (a) =>
      tf.spaceToBatchND(
        a,
        [2, 2],
        [
          [1, 0],
          [0, 1],
        ],
      ),
  },
  batchToSpaceND: {
    shapes: [[8, 2, 3, 2]],
    f: (a) =>
      tf.batchToSpaceND(
        a,
        [2, 2],
        [
          [1, 0],
          [0, 2],
        ],
      ),
  },
  depthToSpace: { shapes: [[2, 3, 2, 8]], f: (a) => tf.depthToSpace(x4(a), 2, 'NHWC') },
  flipLeftRight: { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.flipLeftRight(x4(a)) },
  resizeNearest: { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.resizeNearestNeighbor(x4(a), [5, 7]), forwardOnly: true },
};
