/** One number at a time, and complex ones. */
import * as tf from '@tensorflow/tfjs-core';
import { binary, type OperationCase, type T, unary } from './operation-case.ts';

export const elementwiseCases: Record<string, OperationCase> = {
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
  atan2: { shapes: [[3, 4], [4]], f: tf.atan2, from: [0.2, 2] },
  asinh: unary(tf.asinh, [-3, 3]),
  acosh: unary(tf.acosh, [1.3, 4]),
  atanh: unary(tf.atanh, [-0.8, 0.8]),
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
};
