/**
 * Every lowered operation, forward and gradient, on random inputs: against the cpu backend, and the gradient also against central
 * differences of the cpu backend's forward, which knows nothing of our gradients.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { useBackend } from '../../backends/use-backend.ts';
import type { NamedArrays } from '../../engine.ts';
import { sizeOf } from '../../ir/graph.ts';
import { onnxEngine } from '../../onnx-engine.ts';
import { worstRelativeError } from '../../relative-error.ts';
import { numbers } from '../../testing/networks.ts';
import { type OperationCase, operationCases } from '../../testing/operation-cases.ts';
import { lowerings } from './index.ts';

/** Names of the lowerings that were called. */
const reached = new Set<string>();
for (const [kernel, lower] of Object.entries(lowerings)) {
  lowerings[kernel] = (b, call) => {
    reached.add(kernel);
    return lower(b, call);
  };
}

const engine = onnxEngine({ threads: 1, worker: false });
const names = ['a', 'b', 'c'];
const call = (f: OperationCase['f'], tensors: Record<string, tf.Tensor>) =>
  f(tensors['a']!, tensors['b']!, tensors['c']!);

describe('operations agree with the cpu backend', () => {
  test.for(Object.entries(operationCases))(
    '%s',
    async ([, { shapes, f, from = [-1, 1], kinked, forwardOnly, onlyDifferences }]) => {
      const params = Object.fromEntries(
        shapes.map((shape, i) => [names[i]!, { shape, dtype: 'float32' as const }] as const),
      );
      const eager = (arrays: NamedArrays) =>
        useBackend('cpu', () =>
          tf.tidy(() => {
            const tensors = Object.fromEntries(
              Object.entries(params).map(([name, { shape }]) => [name, tf.tensor(arrays[name]!, shape)]),
            );
            return call(f, tensors).dataSync().slice() as Float32Array;
          }),
        );
      const forward = await engine.compileForward((_, inputs) => ({ y: call(f, inputs) }), {
        constants: {},
        inputs: params,
      });
      // A fixed direction turns the result into one number that touches every element differently.
      const direction = (size: number) => numbers(size, 99);
      const step = await engine.compileTrainStep({
        params,
        variants: { only: {} },
        loss: (tensors) => {
          const y = call(f, tensors);
          return { loss: tf.sum(tf.mul(y, tf.reshape(tf.tensor1d(direction(y.size)), y.shape))) as tf.Scalar };
        },
        optimizer: { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 },
      });
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), async (seed) => {
          const [low, high] = from as [number, number];
          const arrays = Object.fromEntries(
            Object.entries(params).map(([name, { shape }], i) => {
              return [name, numbers(sizeOf(shape), seed + 17 * i).map((x) => low + ((x + 1) / 2) * (high - low))];
            }),
          );
          const expected = eager(arrays);
          expect(worstRelativeError((await forward.run(arrays))['y']!, expected)).toBeLessThan(2e-6);
          if (forwardOnly) return;

          const zeros = Object.fromEntries(
            Object.entries(arrays).map(([name, x]) => [name, new Float32Array(x.length)]),
          );
          await step.setState({ params: arrays, m: zeros, v: zeros, step: 0 });
          const { gradients } = await step.gradients('only', {});
          const dy = direction(expected.length);
          if (!onlyDifferences) {
            const onCpu = useBackend('cpu', () =>
              tf.tidy(() => {
                const xs = shapes.map((shape, i) => tf.tensor(arrays[names[i]!]!, shape));
                const graph = (...tensors: tf.Tensor[]) => f(tensors[0]!, tensors[1]!, tensors[2]!);
                const out = graph(...xs);
                return tf
                  .grads(graph)(xs, tf.tensor(dy, out.shape))
                  .map((g) => g.dataSync().slice());
              }),
            );
            for (const [i, g] of onCpu.entries())
              expect(worstRelativeError(gradients[names[i]!]!, g)).toBeLessThan(1e-5);
          }
          if (kinked) return;
          // Along a random line: Σ gradient · line ≈ (F(x + h·line) − F(x − h·line)) / 2h.
          const h = 1e-2;
          const line = Object.fromEntries(
            Object.entries(arrays).map(([name, x], i) => [name, numbers(x.length, seed + 5 + i)]),
          );
          const value = (sign: number) => {
            const moved = Object.entries(arrays).map(([name, x]) => [
              name,
              x.map((v, i) => v + sign * h * line[name]![i]!),
            ]);
            return eager(Object.fromEntries(moved)).reduce((sum, y, i) => sum + y * dy[i]!, 0);
          };
          const slope = (value(1) - value(-1)) / (2 * h);
          let predicted = 0;
          let size = 0;
          for (const [name, g] of Object.entries(gradients)) {
            for (const [i, x] of g.entries()) {
              predicted += x * line[name]![i]!;
              size += Math.abs(x * line[name]![i]!);
            }
          }
          expect(Math.abs(slope - predicted)).toBeLessThan(5e-3 * size + 1e-3);
        }),
        { numRuns: 3, seed: 7 },
      );
      await Promise.all([forward.dispose(), step.dispose()]);
    },
  );
});

test('the cases above reach every lowering but those of kernels that tfjs names and its operations never call', () => {
  const never = ['LogicalXor', 'LogSoftmax', 'BroadcastTo', 'LowerBound', 'UpperBound'];
  expect(Object.keys(lowerings).filter((kernel) => !reached.has(kernel))).toEqual(never);
});
