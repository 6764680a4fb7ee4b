import { performance } from 'node:perf_hooks';
import * as tf from '@tensorflow/tfjs-core';
import { onnxEngine } from '@vlm/jit';

const side = 1536;
const runs = 9;

/**
 * How fast this machine multiplies matrices: the best of several products of 1536 × 1536 matrices through ONNX Runtime.
 * @returns floating-point operations per second, a multiply-add counted as two
 */
export async function productRate(threads: number): Promise<number> {
  const spec = { shape: [side, side], dtype: 'float32' as const };
  const forward = await onnxEngine({ threads }).compileForward(
    (_, { x, y }) => ({ sum: tf.sum(tf.matMul(x as tf.Tensor2D, y as tf.Tensor2D), 0) }),
    { constants: {}, inputs: { x: spec, y: spec } },
  );
  const inputs = { x: new Float32Array(side * side).fill(0.5), y: new Float32Array(side * side).fill(0.5) };
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await forward.run(inputs);
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  await forward.dispose();
  return (2 * side ** 3) / (bestMs / 1000);
}
