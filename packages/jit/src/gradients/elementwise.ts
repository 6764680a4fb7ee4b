import * as tf from '@tensorflow/tfjs-core';
import type { KernelGradient, KernelGradients } from './types.ts';
import { unbroadcast } from './unbroadcast.ts';

type T = tf.Tensor;
const one = () => tf.scalar(1);
const float = (x: T) => tf.cast(x, 'float32');

/** dx as a function of dy and x. */
const fromInput = (derivative: (dy: T, x: T, attrs: never) => T): KernelGradient => ({
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({ x: () => derivative(dy, x!, attrs as never) }),
});

/** dx as a function of dy and y, which saves recomputing y. */
const fromOutput = (derivative: (dy: T, y: T) => T): KernelGradient => ({
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({ x: () => derivative(dy, y!) }),
});

/** Gradients of a and b before the broadcast is undone. */
const binary = (da: (dy: T, a: T, b: T) => T, db: (dy: T, a: T, b: T) => T): KernelGradient => ({
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, [a, b]) => ({
    a: () => unbroadcast(da(dy, a!, b!), a!.shape),
    b: () => unbroadcast(db(dy, a!, b!), b!.shape),
  }),
});

/** A function that is flat wherever it has a derivative. */
const flat: KernelGradient = { gradFunc: (dy) => ({ x: () => tf.zerosLike(dy) }) };

/** A function whose result is a truth value or an index: it has no slope, and lets tfjs's tape pass. */
const discrete = (...inputs: string[]): KernelGradient => ({
  inputsToSave: inputs,
  gradFunc: (_, saved) => Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i]!.shape)])),
});
const discretePair: KernelGradient = discrete('a', 'b');
const discreteOne: KernelGradient = discrete('x');

const within = (x: T, low: number, high: number) =>
  float(tf.logicalAnd(tf.greaterEqual(x, low), tf.lessEqual(x, high)));

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

export const elementwiseGradients: KernelGradients = {
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  Sub: binary(
    (dy) => dy,
    (dy) => tf.neg(dy),
  ),
  Multiply: binary(
    (dy, _, b) => tf.mul(dy, float(b)),
    (dy, a) => tf.mul(dy, float(a)),
  ),
  RealDiv: binary(
    (dy, _, b) => tf.div(dy, float(b)),
    (dy, a, b) => tf.neg(tf.div(tf.div(tf.mul(dy, float(a)), float(b)), float(b))),
  ),
  Maximum: binary(
    (dy, a, b) => tf.mul(dy, float(tf.greaterEqual(a, b))),
    (dy, a, b) => tf.mul(dy, float(tf.less(a, b))),
  ),
  Minimum: binary(
    (dy, a, b) => tf.mul(dy, float(tf.lessEqual(a, b))),
    (dy, a, b) => tf.mul(dy, float(tf.greater(a, b))),
  ),
  SquaredDifference: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(2, tf.sub(a, b))),
    (dy, a, b) => tf.mul(dy, tf.mul(2, tf.sub(b, a))),
  ),
  Pow: binary(
    (dy, a, b) => tf.mul(dy, tf.mul(float(b), tf.pow(a, tf.sub(b, tf.scalar(1, b.dtype as 'float32'))))),
    (dy, a, b) => {
      // d/db aᵇ = aᵇ ln a, which has a limit of 0 where a ≤ 0.
      const log = tf.where(tf.greater(a, 0), tf.log(tf.maximum(a, 1e-38)), tf.zerosLike(a));
      return tf.mul(dy, tf.mul(tf.pow(a, b), log));
    },
  ),
  Mod: binary(
    (dy) => dy,
    (dy, a, b) => tf.neg(tf.mul(dy, tf.floor(tf.div(a, b)))),
  ),
  FloorDiv: binary(
    (dy) => tf.zerosLike(dy),
    (dy) => tf.zerosLike(dy),
  ),
  AddN: {
    saveAllInputs: true,
    gradFunc: (dy, inputs) => Object.fromEntries(inputs.map((_, i) => [i, () => tf.clone(dy)])),
  },
  Select: {
    inputsToSave: ['condition', 't', 'e'],
    gradFunc: (dy, [condition, t, e]) => ({
      condition: () => tf.zeros(condition!.shape),
      t: () => unbroadcast(tf.mul(dy, float(condition!)), t!.shape),
      e: () => unbroadcast(tf.mul(dy, float(tf.logicalNot(condition!))), e!.shape),
    }),
  },
  Abs: fromInput((dy, x) => tf.mul(dy, tf.sign(float(x)))),
  Neg: { gradFunc: (dy) => ({ x: () => tf.neg(dy) }) },
  Exp: fromOutput((dy, y) => tf.mul(dy, y)),
  Expm1: fromOutput((dy, y) => tf.mul(dy, tf.add(y, 1))),
  Log: fromInput((dy, x) => tf.div(dy, float(x))),
  Log1p: fromInput((dy, x) => tf.div(dy, tf.add(x, 1))),
  Sqrt: fromOutput((dy, y) => tf.div(tf.mul(dy, 0.5), y)),
  Rsqrt: fromOutput((dy, y) => tf.mul(dy, tf.mul(-0.5, tf.mul(y, tf.mul(y, y))))),
  Reciprocal: fromOutput((dy, y) => tf.neg(tf.mul(dy, tf.mul(y, y)))),
  Square: fromInput((dy, x) => tf.mul(dy, tf.mul(float(x), 2))),
  Sin: fromInput((dy, x) => tf.mul(dy, tf.cos(float(x)))),
  Cos: fromInput((dy, x) => tf.neg(tf.mul(dy, tf.sin(float(x))))),
  Tan: fromOutput((dy, y) => tf.mul(dy, tf.add(1, tf.mul(y, y)))),
  Asin: fromInput((dy, x) => tf.mul(dy, tf.rsqrt(tf.sub(one(), tf.square(x))))),
  Acos: fromInput((dy, x) => tf.neg(tf.mul(dy, tf.rsqrt(tf.sub(one(), tf.square(x)))))),
  Atan: fromInput((dy, x) => tf.div(dy, tf.add(1, tf.square(x)))),
  Atan2: binary(
    (dy, a, b) => tf.div(tf.mul(dy, b), tf.add(tf.square(a), tf.square(b))),
    (dy, a, b) => tf.neg(tf.div(tf.mul(dy, a), tf.add(tf.square(a), tf.square(b)))),
  ),
  Asinh: fromInput((dy, x) => tf.mul(dy, tf.rsqrt(tf.add(tf.square(float(x)), 1)))),
  Acosh: fromInput((dy, x) => tf.mul(dy, tf.rsqrt(tf.sub(tf.square(float(x)), 1)))),
  Atanh: fromInput((dy, x) => tf.div(dy, tf.sub(one(), tf.square(float(x))))),
  Sinh: fromInput((dy, x) => tf.mul(dy, tf.cosh(x))),
  Cosh: fromInput((dy, x) => tf.mul(dy, tf.sinh(x))),
  Tanh: fromOutput((dy, y) => tf.mul(dy, tf.sub(one(), tf.mul(y, y)))),
  Erf: fromInput((dy, x) => tf.mul(dy, tf.mul(2 / Math.sqrt(Math.PI), tf.exp(tf.neg(tf.mul(x, x)))))),
  Sigmoid: fromOutput((dy, y) => tf.mul(dy, tf.mul(y, tf.sub(one(), y)))),
  Softplus: fromInput((dy, x) => tf.mul(dy, tf.sigmoid(x))),
  Relu: fromOutput((dy, y) => tf.mul(dy, float(tf.greater(y, 0)))),
  Relu6: fromInput((dy, x) => tf.mul(dy, float(tf.logicalAnd(tf.greater(x, 0), tf.lessEqual(x, 6))))),
  LeakyRelu: fromInput((dy, x, { alpha }: { alpha: number }) => tf.where(tf.greater(x, 0), dy, tf.mul(dy, alpha))),
  Elu: fromOutput((dy, y) => tf.where(tf.greater(y, 0), dy, tf.mul(dy, tf.add(y, 1)))),
  Selu: fromInput((dy, x) =>
    tf.where(tf.greater(x, 0), tf.mul(dy, SELU_SCALE), tf.mul(dy, tf.mul(SELU_SCALE * SELU_ALPHA, tf.exp(x)))),
  ),
  Prelu: {
    inputsToSave: ['x', 'alpha'],
    gradFunc: (dy, [x, alpha]) => ({
      x: () => tf.where(tf.greater(x!, 0), dy, tf.mul(dy, alpha!)),
      alpha: () => unbroadcast(tf.mul(dy, tf.minimum(x!, 0)), alpha!.shape),
    }),
  },
  ClipByValue: fromInput((dy, x, attrs: { clipValueMin: number; clipValueMax: number }) =>
    tf.mul(dy, within(x, attrs.clipValueMin, attrs.clipValueMax)),
  ),
  Greater: discretePair,
  GreaterEqual: discretePair,
  Less: discretePair,
  LessEqual: discretePair,
  Equal: discretePair,
  NotEqual: discretePair,
  LogicalAnd: discretePair,
  LogicalOr: discretePair,
  LogicalXor: discretePair,
  LogicalNot: discreteOne,
  IsNan: discreteOne,
  IsInf: discreteOne,
  IsFinite: discreteOne,
  All: discreteOne,
  Any: discreteOne,
  ArgMax: discreteOne,
  ArgMin: discreteOne,
  Step: flat,
  Sign: flat,
  Floor: flat,
  Ceil: flat,
  Round: flat,
  ZerosLike: flat,
  OnesLike: flat,
  Cast: { gradFunc: (dy) => ({ x: () => float(dy) }) },
  Identity: { gradFunc: (dy) => ({ x: () => float(dy) }) },
};
