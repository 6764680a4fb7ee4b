/** Errors of a trace name the operation and the line that called it. The lines are those of this file: `// #name` marks them. */
import { readFileSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import type { ForwardFunction, TrainStepDefinition } from '../engine.ts';
import { jit } from '../jit.ts';
import { JitError } from '../jit-error.ts';
import { callerIn } from './call-site.ts';
import { traceForward } from './trace-forward.ts';
import { traceTrainStep } from './trace-train-step.ts';

// The cpu backend greets on first use outside production.
beforeAll(() => tf.env().set('PROD', true));

const lines = readFileSync(import.meta.filename, 'utf8').split('\n');
const placeOf = (mark: string) =>
  `${import.meta.filename}:${lines.findIndex((line) => line.endsWith(`// #${mark}`)) + 1}:`;

function errorOf(body: () => unknown): JitError {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(JitError);
    return error as JitError;
  }
  throw new Error('expected an error');
}
const traceError = (f: (x: tf.Tensor) => tf.Tensor) =>
  errorOf(() =>
    traceForward(((_, { x }) => ({ y: f(x!) })) as ForwardFunction, {
      constants: {},
      inputs: { x: { shape: [2, 3], dtype: 'float32' } },
    }),
  );

/** Calls an operation deep inside tfjs: dropout draws its mask with an operation of its own. */
const dropped = (x: tf.Tensor) => tf.dropout(x, 0.5); // #dropout

test.each<[mark: string, operation: string, code: string, f: (x: tf.Tensor) => tf.Tensor]>([
  ['unique', 'tf.unique', 'unsupported-op', (x) => tf.unique(tf.reshape(x, [6])).values], // #unique
  ['dropout', 'tf.dropout', 'random-op', dropped],
  ['shapes', 'tf.matMul', 'invalid-definition', (x) => tf.matMul(x, x)], // #shapes
  ['concat', 'tf.concat', 'invalid-definition', (x) => tf.concat([x, tf.zeros([3, 2])], 1)], // #concat
  ['read', '', 'data-dependent', (x) => (x.dataSync()[0]! > 0 ? x : tf.neg(x))], // #read
  ['nms', 'tf.nonMaxSuppression', 'unsupported-op', () => boxes()],
  ['callback', 'tf.unique', 'unsupported-op', (x) => tf.tidy(() => [x].map(inCallback)[0]!)],
])('%s: the error names %s and its line', (mark, operation, code, f) => {
  const error = traceError(f);
  expect(error.code).toBe(code);
  expect(error.message).toContain(`${operation && ` as ${operation}`} at ${placeOf(mark)}`);
});

const inCallback = (x: tf.Tensor) => tf.unique(tf.reshape(x, [6])).values; // #callback

function boxes(): tf.Tensor {
  const all = tf.zeros([4, 4]) as tf.Tensor2D;
  return tf.image.nonMaxSuppression(all, tf.zeros([4]) as tf.Tensor1D, 2); // #nms
}

test('a kernel without a gradient is named with the line of its forward call', () => {
  const definition: TrainStepDefinition = {
    params: { w: { shape: [4], dtype: 'float32' } },
    variants: { only: {} },
    loss: ({ w }) => {
      const counted = tf.cumprod(tf.square(w!)); // #cumprod
      return { loss: tf.sum(counted) as tf.Scalar };
    },
    optimizer: { beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weightDecay: 0 },
  };
  const error = errorOf(() => traceTrainStep(definition, 'only'));
  expect(error.code).toBe('unsupported-op');
  expect(error.message).toContain('Cumprod has no gradient');
  expect(error.message).toContain(placeOf('cumprod'));
});

test.each<[what: string, mark: string, f: (x: tf.Tensor) => unknown]>([
  ['data()', 'data', (x) => x.data()], // #data
  ['array()', 'array', (x) => tf.exp(x).array()], // #array
  ['print()', 'print', (x) => x.print()], // #print
  ['whereAsync', 'whereAsync', (x) => tf.whereAsync(tf.greater(x, 0))], // #whereAsync
  ['booleanMaskAsync', 'booleanMask', (x) => tf.booleanMaskAsync(x, tf.tensor2d([1, 0, 1, 0, 1, 1], [2, 3], 'bool'))], // #booleanMask
])('%s of a traced tensor is refused, with what to do instead', async (_, mark, f) => {
  const error = traceError((x) => {
    void f(x);
    return x;
  });
  expect(error.code).toBe('data-dependent');
  expect(error.message).toContain(placeOf(mark));
  expect(error.message).toMatch(/tf\.where|mask/);
});

test('an asynchronous function is refused', async () => {
  await tf.setBackend('cpu');
  const reads = jit((async (x: tf.Tensor) => tf.scalar((await x.data())[0]!)) as never);
  await expect((reads as unknown as (x: tf.Tensor) => Promise<unknown>)(tf.ones([2]))).rejects.toThrow(JitError);
  const idle = jit((async (x: tf.Tensor) => tf.neg(x)) as never);
  await expect((idle as unknown as (x: tf.Tensor) => Promise<unknown>)(tf.ones([2]))).rejects.toThrow(JitError);
});

test('a tensor that escapes its trace says so', () => {
  let escaped: tf.Tensor | undefined;
  const leak: ForwardFunction = (_, { x }) => {
    escaped = tf.keep(tf.neg(x!));
    return { y: escaped };
  };
  traceForward(leak, { constants: {}, inputs: { x: { shape: [2], dtype: 'float32' } } });
  expect(errorOf(() => escaped!.dataSync()).message).toMatch(/after it.*Return it from the function/);
  expect(errorOf(() => tf.add(escaped!, 1)).message).toMatch(/after it.*Return it from the function/);
});

test('tidy, keep and dispose behave while tracing', () => {
  const { outputs } = traceForward(
    (_, { x }) => {
      const kept: tf.Tensor[] = [];
      const y = tf.tidy(() => {
        kept.push(tf.keep(tf.square(x!)));
        return tf.neg(tf.exp(x!));
      });
      const z = tf.add(y, kept[0]!);
      tf.dispose([y, kept[0]!]);
      return { z };
    },
    { constants: {}, inputs: { x: { shape: [2], dtype: 'float32' } } },
  );
  expect(outputs).toEqual({ z: { shape: [2], dtype: 'float32' } });
});

test.each([
  ['    at step (file:///home/me/step.ts:12:20)', '/home/me/step.ts:12:20'],
  ['    at /home/me/step.ts:12:20', '/home/me/step.ts:12:20'],
  ['    at async C:\\me\\step.js:1:2', undefined],
  ['    at step (C:\\me\\step.js:1:2)', 'C:\\me\\step.js:1:2'],
  [
    '    at add (/a/node_modules/@tensorflow/tfjs-core/dist/tf-core.node.js:1:2)\n    at f (/a/b.js:3:4)',
    '/a/b.js:3:4',
  ],
  ['    at node:internal/process:1:2\n    at new Promise (<anonymous>)', undefined],
])('the frame of the caller in %j', (stack, place) => {
  expect(callerIn(`Error: x\n${stack}`)).toBe(place);
});
