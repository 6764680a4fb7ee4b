/** The optimizers as a graph against the kernels: the same bits on the CPU, a few units in the last place on WebGPU. */
import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import type { OptimizerOptions } from '../engine.ts';
import { onnxModel } from '../onnx/onnx-model.ts';
import { numbers } from '../testing/networks.ts';
import { whyNoWebGpu } from '../testing/software-vulkan.ts';
import { referenceKernels } from './index.ts';
import { planOptimizer } from './optimizer-plan.ts';
import { createMemory } from './testing/memory.ts';
import { partsOf, updateGraph, updateNames, updateScalars } from './update-graph.ts';

const count = 40;
const params = { w: { shape: [5, 8], dtype: 'float32' as const }, b: { shape: [40], dtype: 'float32' as const } };
const groups = {
  weightDecay: 0.1,
  decays: (name: string) => name === 'w',
  learningRateScale: (name: string) => (name === 'w' ? 1 : 2),
};
const optimizers: Record<string, OptimizerOptions> = {
  AdamW: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, ...groups },
  'AdamW, clipped': { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, clipNorm: 1, ...groups },
  SGD: { kind: 'sgd', ...groups },
  'SGD with momentum': { kind: 'sgd', momentum: 0.9, clipNorm: 1, ...groups },
  'SGD with Nesterov momentum': { kind: 'sgd', momentum: 0.9, nesterov: true, ...groups },
};
const [lr, step, gradientScale] = [3e-3, 6, 0.37];

/** Distance in units in the last place: neighbours on the line of float32 numbers differ by one. */
function ulps(a: Float32Array, b: Float32Array): number {
  const ordered = (x: Float32Array) =>
    Int32Array.from(new Int32Array(x.buffer.slice(0)), (bits) => (bits < 0 ? -(bits & 0x7fffffff) : bits));
  const [p, q] = [ordered(a), ordered(b)];
  return p.reduce((worst, x, i) => Math.max(worst, Math.abs(x - q[i]!)), 0);
}

async function compare(options: OptimizerOptions, provider: 'cpu' | 'webgpu'): Promise<number> {
  const plan = planOptimizer(options, Object.keys(params));
  const parts = partsOf(plan);
  const scale = plan.clipNorm === undefined ? 1 : gradientScale;
  const start = { params: numbers(count, 1), m: numbers(count, 2), v: numbers(count, 3).map(Math.abs) };
  const gradients = numbers(count, 4);
  const session = await ort.InferenceSession.create(onnxModel(updateGraph(params, plan)), {
    executionProviders: [provider],
    graphOptimizationLevel: 'disabled',
  });
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, value] of Object.entries(updateScalars(plan, lr, step, scale))) {
    feeds[name] = new ort.Tensor('float32', Float32Array.of(value), []);
  }
  for (const [param, { shape }] of Object.entries(params)) {
    for (const part of parts) feeds[updateNames.state(part, param)] = new ort.Tensor('float32', start[part], shape);
    feeds[updateNames.gradient(param)] = new ort.Tensor('float32', gradients, shape);
  }
  const results = await session.run(feeds);
  await session.release();

  let worst = 0;
  for (const { params: names, weightDecay, learningRateScale } of plan.groups) {
    const memory = createMemory(1024);
    const arrays = [start.params, gradients, start.m, start.v].map((data, i) => {
      const view = new Float32Array(memory.buffer, 256 * i, count);
      view.set(data);
      return view;
    });
    const common = {
      params: 0,
      gradients: 256,
      m: 512,
      count,
      lr: lr * learningRateScale,
      weightDecay,
      gradientScale: scale,
    };
    const kernels = referenceKernels(memory);
    if (plan.rule.kind === 'sgd') kernels.sgd.update({ ...common, ...plan.rule });
    else kernels.adamw.update({ ...common, ...plan.rule, v: 768, step: step + 1 });
    const expected = { params: arrays[0]!, m: arrays[2]!, v: arrays[3]! };
    for (const name of names) {
      for (const part of parts) {
        const got = results[updateNames.next(part, name)]!.data as Float32Array;
        worst = Math.max(worst, ulps(got, expected[part].slice()));
        expect(got).not.toEqual(start[part]);
      }
    }
  }
  return worst;
}

test.each(Object.entries(optimizers))('%s: the bits of the kernel on the CPU', async (_, options) => {
  expect(await compare(options, 'cpu')).toBe(0);
});

const reason = await whyNoWebGpu();
test.skipIf(reason).each(Object.entries(optimizers))(
  `%s: within 4 units in the last place on WebGPU${reason ? ` (skipped: ${reason})` : ''}`,
  async (_, options) => {
    expect(await compare(options, 'webgpu')).toBeLessThanOrEqual(4);
  },
);
