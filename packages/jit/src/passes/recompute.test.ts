import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { peakIntermediateBytes } from '../explain/memory.ts';
import { onnxEngine, type TrainStepDefinition, tfjsEngine } from '../index.ts';
import { layerNorm, linear, swiglu } from '../nn/index.ts';
import { wave } from '../nn/testing/module-contract.ts';
import { traceTrainGraph } from '../trace/trace-train-step.ts';
import { ops } from './testing/graph-of.ts';

const [N, D, H, layers] = [64, 8, 24, 6];
const names = Array.from({ length: layers }, (_, i) => i);

/** Pre-norm blocks of SwiGLU. */
const blocks = (): TrainStepDefinition => ({
  params: Object.fromEntries(
    names.flatMap((i) => [
      [`gain${i}`, { shape: [D], dtype: 'float32' }],
      [`w12.${i}`, { shape: [2 * H, D], dtype: 'float32' }],
      [`w3.${i}`, { shape: [D, H], dtype: 'float32' }],
    ]),
  ),
  variants: { batch: { x: { shape: [N, D], dtype: 'float32' } } },
  loss: (params, { x }) => {
    const y = names.reduce((h, i) => {
      const normal = layerNorm(h, params[`gain${i}`]!, { epsilon: 1e-5 });
      return tf.add(h, linear(swiglu(linear(normal, params[`w12.${i}`]!)), params[`w3.${i}`]!));
    }, x!);
    return { loss: tf.mean(tf.square(y)) as tf.Scalar };
  },
  optimizer: { kind: 'sgd', weightDecay: 0 },
});

test('products and norms are computed twice and not kept', () => {
  const { graph } = traceTrainGraph(blocks(), 'batch');
  expect(ops(graph).filter((op) => op === 'LayerNormalization')).toHaveLength(layers);
  // Gate and up of each block, its input, the stream; not its product (H) and not its norm (D).
  const kept = 4 * N * layers * (2 * H + D);
  const work = 4 * N * (4 * H + 4 * D);
  expect(peakIntermediateBytes(graph).bytes).toBeLessThan(kept + work);
});

test('the gradients stay those of tfjs', async () => {
  const definition = blocks();
  const entries = Object.entries(definition.params);
  const params = Object.fromEntries(entries.map(([name, { shape }], i) => [name, wave([...shape], i)]));
  const batch = { x: wave([N, D], 99) };
  const results = [];
  for (const engine of [onnxEngine({ threads: 1, worker: false }), tfjsEngine({ backend: 'cpu' })]) {
    const step = await engine.compileTrainStep(definition);
    await step.setState({ params, m: {}, v: {}, step: 0 });
    results.push(await step.gradients('batch', batch));
    await step.dispose();
  }
  const [ours, theirs] = results as [(typeof results)[0], (typeof results)[0]];
  for (const [name, wanted] of Object.entries(theirs.gradients)) {
    const scale = Math.max(...wanted.map(Math.abs));
    const worst = Math.max(...wanted.map((g, i) => Math.abs(g - ours.gradients[name]![i]!)));
    expect(worst / scale, name).toBeLessThan(1e-5);
  }
});
