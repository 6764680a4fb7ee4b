import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import type { ForwardFunction } from '../engine.ts';
import { gradients } from '../gradients/registry.ts';
import { JitError } from '../jit-error.ts';
import { activeTrace } from './active-trace.ts';
import { withTrace } from './trace.ts';
import { traceForward } from './trace-forward.ts';

// The cpu backend greets on first use outside production.
beforeAll(() => tf.env().set('PROD', true));

const trace = (fn: ForwardFunction) =>
  traceForward(fn, { constants: {}, inputs: { x: { shape: [2, 3], dtype: 'float32' } } });

function codeOf(fn: ForwardFunction): [string, string] {
  try {
    trace(fn);
  } catch (error) {
    expect(error).toBeInstanceOf(JitError);
    return [(error as JitError).code, (error as JitError).message];
  }
  throw new Error('expected an error');
}

/** Everything global that a trace touches. */
const globals = () => ({
  backend: tf.engine().backendName,
  backends: tf.engine().backendNames(),
  kernels: tf.getKernelsForBackend('vlm-trace').length,
  gradients: Object.keys(gradients).map((kernel) => tf.getGradient(kernel)),
  random: Math.random,
  tensors: tf.memory().numTensors,
  active: activeTrace(),
});

test('an operation that has no lowering is named', () => {
  const [code, message] = codeOf((_, { x }) => ({ y: tf.unique(tf.reshape(x!, [6])).values }));
  expect(code).toBe('unsupported-op');
  expect(message).toMatch(/Unique/);
});

test('reading data while tracing is refused, reading a constant is not', () => {
  expect(codeOf((_, { x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }))[0]).toBe('data-dependent');
  expect(codeOf((_, { x }) => ({ y: tf.scalar(tf.sum(x!).arraySync() as number) }))[0]).toBe('data-dependent');
  trace((_, { x }) => ({ y: tf.add(x!, tf.scalar(tf.tensor1d([3, 4]).dataSync()[1]!)) }));
});

test.each([
  ['randomNormal', () => tf.randomNormal([2, 3])],
  ['randomNormal with a seed', () => tf.randomNormal([2, 3], 0, 1, 'float32', 7)],
  ['randomUniform with a seed', () => tf.randomUniform([2, 3], 0, 1, 'float32', 7)],
  ['truncatedNormal with a seed', () => tf.truncatedNormal([2, 3], 0, 1, 'float32', 7)],
  ['dropout', () => tf.dropout(tf.ones([2, 3]), 0.5, undefined, 1)],
  ['Math.random', () => tf.scalar(Math.random())],
])('%s is refused: its numbers would be frozen', (_name, random) => {
  expect(codeOf((_, { x }) => ({ y: tf.mul(x!, random()) }))[0]).toBe('random-op');
});

test('a trace in a trace is refused', () => {
  expect(codeOf(() => ({ y: trace((_, { x }) => ({ y: x! })) as never }))[0]).toBe('nested-trace');
});

test('a tensor made outside enters as a constant and stays usable outside', async () => {
  await tf.setBackend('cpu');
  const outside = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
  trace((_, { x }) => ({ y: tf.add(x!, outside) }));
  expect(Array.from(outside.dataSync())).toEqual([1, 2, 3, 4, 5, 6]);
  outside.dispose();
});

test('after a trace, good or bad, everything global in tfjs is as it was', async () => {
  await tf.setBackend('cpu');
  const before = globals();
  trace((_, { x }) => ({ y: tf.softmax(x!) }));
  expect(globals()).toEqual(before);
  codeOf((_, { x }) => ({ y: tf.unique(tf.reshape(x!, [6])).values }));
  expect(globals()).toEqual(before);
  expect(() => withTrace(() => tf.grad((x) => tf.unique(x).values)(tf.ones([2])))).toThrow(JitError);
  expect(globals()).toEqual(before);
});

test('gradients registered by somebody else stay registered and are not used', async () => {
  await tf.setBackend('cpu');
  const theirs: tf.GradConfig = { kernelName: 'Neg', gradFunc: () => ({ x: () => tf.scalar(42) }) };
  tf.registerGradient(theirs);
  try {
    withTrace(({ graphValue, builder }) => {
      const gradient = tf.grad((x: tf.Tensor) => tf.neg(x))(tf.scalar(1));
      expect(builder.graph.constants.has(graphValue(gradient))).toBe(false);
    });
    expect(tf.getGradient('Neg')).toBe(theirs);
  } finally {
    tf.unregisterGradient('Neg');
  }
});

test('outputs must be tensors with names of their own', () => {
  expect(codeOf(() => ({ y: 3 as unknown as tf.Tensor }))[1]).toMatch(/output y to be a tensor, got number/);
  expect(codeOf((_, { x }) => ({ x: tf.neg(x!) }))[1]).toMatch(/both an input and an output/);
});
