/** One call of every operation that compiles, with small inputs: the material of `trace/kernels/operations.test.ts`. */
import * as tf from '@tensorflow/tfjs-core';

type T = tf.Tensor;
export interface OperationCase {
  /** Shapes of the float inputs a, b, c, which receive gradients. */
  shapes: number[][];
  f: (a: T, b: T, c: T) => T;
  /** Where the inputs lie: default (−1, 1). */
  from?: [low: number, high: number];
  /** Kinks or flat steps: central differences say nothing. */
  kinked?: boolean;
  /** No gradient at all. */
  forwardOnly?: boolean;
  /** The cpu backend's own gradient kernel is wrong or missing here: central differences alone decide. */
  onlyDifferences?: boolean;
}

const ids = () => tf.tensor1d([2, 0, 2], 'int32');
const x4 = (a: T) => a as tf.Tensor4D;
const x5 = (a: T) => a as tf.Tensor5D;
const unary = (f: (a: T) => T, from?: [number, number], kinked = false): OperationCase => ({
  shapes: [[3, 4]],
  f,
  kinked,
  ...(from && { from }),
});
const binary = (f: (a: T, b: T) => T, from?: [number, number], kinked = false): OperationCase => ({
  shapes: [[3, 4], [4]],
  f,
  kinked,
  ...(from && { from }),
});

export const operationCases: Record<string, OperationCase> = {
  add: binary(tf.add),
  'add, middle broadcast': {
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    f: tf.add,
  },
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(tf.div, [0.5, 2]),
  maximum: binary(tf.maximum, undefined, true),
  minimum: binary(tf.minimum, undefined, true),
  pow: binary(tf.pow, [0.5, 2]),
  squaredDifference: binary(tf.squaredDifference),
  mod: binary(tf.mod, [0.5, 3], true),
  floorDiv: { ...binary((a, b) => tf.floorDiv(a, b), [0.5, 3], true), forwardOnly: true },
  addN: {
    shapes: [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    f: (a, b, c) => tf.addN([a, b, c]),
  },
  comparisons: {
    ...binary((a, b) => {
      const all = [tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.equal, tf.notEqual];
      return tf.stack(all.map((f) => tf.cast(f(tf.round(tf.mul(a, 2)), tf.round(tf.mul(b, 2))), 'float32')));
    }),
    forwardOnly: true,
  },
  logic: {
    ...binary((a, b) => {
      const [p, q] = [tf.greater(a, 0), tf.greater(b, 0)];
      return tf.stack([tf.logicalAnd, tf.logicalOr, tf.logicalXor].map((f) => tf.cast(f(p, q), 'float32')));
    }),
    forwardOnly: true,
  },
  where: { shapes: [[3, 4], [3, 4], [4]], f: (a, b, c) => tf.where(tf.greater(a, 0), b, tf.add(c, tf.zerosLike(b))) },
  neg: unary(tf.neg),
  abs: unary(tf.abs, undefined, true),
  sign: unary(tf.sign, undefined, true),
  exp: unary(tf.exp),
  expm1: unary(tf.expm1, [-3, 3]),
  log: unary(tf.log, [0.2, 3]),
  log1p: unary(tf.log1p, [-0.5, 3]),
  sqrt: unary(tf.sqrt, [0.2, 3]),
  rsqrt: unary(tf.rsqrt, [0.2, 3]),
  reciprocal: unary(tf.reciprocal, [0.5, 2]),
  square: unary(tf.square),
  sin: unary(tf.sin),
  cos: unary(tf.cos),
  tan: unary(tf.tan),
  asin: unary(tf.asin, [-0.8, 0.8]),
  acos: unary(tf.acos, [-0.8, 0.8]),
  atan: unary(tf.atan),
  sinh: unary(tf.sinh),
  cosh: unary(tf.cosh),
  tanh: unary(tf.tanh),
  erf: unary(tf.erf, [-2, 2]),
  sigmoid: unary(tf.sigmoid, [-4, 4]),
  softplus: unary(tf.softplus, [-4, 4]),
  relu: unary(tf.relu, undefined, true),
  relu6: unary(tf.relu6, [-3, 9], true),
  leakyRelu: unary((a) => tf.leakyRelu(a, 0.3), undefined, true),
  prelu: { ...binary((a, b) => tf.prelu(a, b)), kinked: true },
  elu: unary(tf.elu),
  selu: unary(tf.selu, undefined, true),
  clip: unary((a) => tf.clipByValue(a, -0.5, 0.25), undefined, true),
  step: unary((a) => tf.step(a, 0.25), undefined, true),
  floor: unary((a) => tf.floor(tf.mul(a, 5)), undefined, true),
  ceil: unary((a) => tf.ceil(tf.mul(a, 5)), undefined, true),
  round: unary((a) => tf.round(tf.mul(a, 5)), undefined, true),
  finite: {
    ...unary((a) => {
      const odd = tf.div(tf.round(a), tf.round(tf.mul(a, 2)));
      return tf.stack([tf.isNaN(odd), tf.isInf(odd), tf.isFinite(odd)].map((x) => tf.cast(x, 'float32')));
    }),
    forwardOnly: true,
  },
  'cast to int32 and back': { ...unary((a) => tf.cast(tf.cast(tf.mul(a, 4), 'int32'), 'float32')), forwardOnly: true },
  'cast to bool': { ...unary((a) => tf.cast(tf.cast(tf.round(a), 'bool'), 'float32')), forwardOnly: true },
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
  atan2: { shapes: [[3, 4], [4]], f: tf.atan2, from: [0.2, 2] },
  asinh: unary(tf.asinh, [-3, 3]),
  acosh: unary(tf.acosh, [1.3, 4]),
  atanh: unary(tf.atanh, [-0.8, 0.8]),
  cumprod: { shapes: [[3, 5]], f: (a) => tf.cumprod(a, 1, true, true), forwardOnly: true },
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
  flipLeftRight: { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.flipLeftRight(x4(a)) },
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
  bitwiseAnd: {
    shapes: [[6]],
    f: (a) => {
      const x = tf.cast(tf.mul(a, 1000), 'int32');
      return tf.cast(tf.bitwiseAnd(x, tf.reverse(x)), 'float32');
    },
    forwardOnly: true,
  },
  eluGrad: {
    shapes: [[6], [6]],
    f: (a, b) => tf.engine().runKernel('EluGrad', { dy: a, y: b }) as T,
    forwardOnly: true,
  },
  logicalXor: {
    ...binary((a, b) => {
      const inputs = { a: tf.greater(a, 0), b: tf.greater(tf.add(b, tf.zerosLike(a)), 0) };
      const both = tf.logicalXor(inputs.a, inputs.b);
      return tf.cast(both, 'float32');
    }),
    forwardOnly: true,
  },
  spectral: {
    shapes: [[2, 12]],
    f: (a) => {
      const half = tf.spectral.rfft(a as tf.Tensor2D);
      const back = tf.spectral.irfft(half);
      return tf.concat([tf.reshape(tf.abs(half), [-1]), tf.reshape(back, [-1])]);
    },
    forwardOnly: true,
  },
  'complex arithmetic': {
    shapes: [
      [3, 4],
      [3, 4],
    ],
    f: (a, b) => {
      const z = tf.complex(a, b);
      const product = tf.sub(tf.mul(z, tf.transpose(tf.reshape(tf.transpose(z), [4, 3]))), tf.onesLike(z));
      const whole = tf.concat([product, z]);
      return tf.stack([tf.real(whole), tf.imag(tf.ifft(whole)), tf.abs(whole)]);
    },
    forwardOnly: true,
  },
  stft: { shapes: [[24]], f: (a) => tf.abs(tf.signal.stft(a as tf.Tensor1D, 8, 4)), forwardOnly: true },
  resizeNearest: { shapes: [[1, 3, 4, 2]], f: (a) => tf.image.resizeNearestNeighbor(x4(a), [5, 7]), forwardOnly: true },
};
