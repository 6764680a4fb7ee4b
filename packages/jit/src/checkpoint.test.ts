import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { checkpoint } from './checkpoint.ts';
import type { TrainStepDefinition } from './engine.ts';
import { peakIntermediateBytes } from './explain/memory.ts';
import { attention, linear, rmsNorm, rotary, swiglu } from './nn/index.ts';
import { type Module, modules } from './nn/testing/module-contract.ts';
import { onnxEngine } from './onnx-engine.ts';
import { checkParity } from './parity.ts';
import { worstRelativeError } from './relative-error.ts';
import { numbers } from './testing/networks.ts';
import { traceTrainGraph } from './trace/trace-train-step.ts';

const [B, T, D, H, layers] = [2, 16, 16, 24, 6];
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

/** A deep residual model; a scale that the blocks close over stands in front of it. */
function deep(
  wrap: <F extends (x: tf.Tensor) => tf.Tensor>(block: F) => (x: tf.Tensor) => tf.Tensor,
): TrainStepDefinition {
  const shapes = { qkv: f32(3 * D, D), out: f32(D, D), w12: f32(2 * H, D), w3: f32(D, H), gain: f32(D) };
  const params = Object.fromEntries(
    Array.from({ length: layers }, (_, i) =>
      Object.entries(shapes).map(([name, spec]) => [`${i}.${name}`, spec]),
    ).flat(),
  );
  return {
    params: { ...params, scale: f32(D) },
    variants: { batch: { x: f32(B, T, D), y: f32(B, T, D) } },
    loss(weights, { x, y }) {
      const shared = tf.tanh(weights['scale']!);
      let h = tf.mul(x!, shared);
      for (let i = 0; i < layers; i++) {
        const w = (name: string) => weights[`${i}.${name}`]!;
        h = wrap((input: tf.Tensor) => {
          const normal = tf.mul(rmsNorm(input, w('gain'), { epsilon: 1e-5 }), shared);
          const [q, k, v] = tf.split(linear(normal, w('qkv')), 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
          const mixed = tf.add(input, linear(attention(q, k, v, { heads: 2, causal: true }), w('out')));
          return tf.add(mixed, linear(swiglu(linear(mixed, w('w12'))), w('w3')));
        })(h);
      }
      return { loss: tf.mean(tf.squaredDifference(h, y!)) as tf.Scalar };
    },
    optimizer: { kind: 'sgd', weightDecay: 0 },
  };
}
const stored = deep((block) => block);
const recomputed = deep((block) => checkpoint(block));
const params = Object.fromEntries(
  Object.entries(stored.params).map(([name, { shape }], i) => [
    name,
    numbers(
      shape.reduce((a, b) => a * b, 1),
      i,
    ).map((value) => value * 0.4),
  ]),
);
const state = { params, m: {}, v: {}, step: 0 };
const batch = { x: numbers(B * T * D, 100), y: numbers(B * T * D, 101) };

test('gradients are those of the function that keeps everything, also of what it closes over', async () => {
  const run = async (definition: TrainStepDefinition) => {
    const step = await onnxEngine({ threads: 1, worker: false }).compileTrainStep(definition);
    await step.setState(state);
    const result = await step.gradients('batch', batch);
    await step.dispose();
    return result;
  };
  const [expected, got] = [await run(stored), await run(recomputed)];
  expect(got).toEqual(expected);
  expect(got.gradients['scale']!.some((value) => value !== 0)).toBe(true);
  const { worst } = await checkParity(recomputed, state, batch);
  expect(worst!.relativeError).toBeLessThan(1e-5);
});

test('blocks are computed again, and less memory is needed', () => {
  const graphs = [stored, recomputed].map((definition) => traceTrainGraph(definition, 'batch').graph);
  const attentions = graphs.map(({ nodes }) => nodes.filter(({ op }) => op === 'Softmax').length);
  expect(attentions).toEqual([layers, 2 * layers]);
  const [before, after] = graphs.map((graph) => peakIntermediateBytes(graph).bytes);
  expect(after! / before!).toBeLessThan(0.5);
});

test('outside of a compiled function it is the function itself, and integers pass through', () => {
  const { gradients } = traceTrainGraph(
    {
      ...stored,
      params: { table: f32(5, 3) },
      variants: { batch: { ids: { shape: [4], dtype: 'int32' } } },
      loss: ({ table }, { ids }) => ({
        loss: tf.sum(checkpoint((i: tf.Tensor) => tf.square(tf.gather(table!, i as tf.Tensor1D)))(ids!)) as tf.Scalar,
      }),
    },
    'batch',
  );
  expect(gradients).toEqual(['table']);
  const eager = checkpoint((x: tf.Tensor) => x);
  const same = {} as tf.Tensor;
  expect(eager(same)).toBe(same);
});

/** Gradients by everything that a block takes, kept and computed again. */
const reversed = tf.customGrad((x) => ({ value: tf.clone(x as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.neg(dy) }));
const turned = (x: tf.Tensor) => rotary(x, { heads: 2, base: 10000 });
const blocks: Record<string, [Module, number[][]]> = {
  ...modules,
  'attention between rotated queries and keys': [
    (q, k, v) => attention(turned(q!), turned(k!), v!, { heads: 2 }),
    [
      [2, 3, 8],
      [2, 3, 8],
      [2, 3, 8],
    ],
  ],
  'a gradient of its own': [(x, y) => tf.mul(reversed(x!), y!), [[3], [3]]],
  'a value that does not read what has a gradient': [
    (x, y) =>
      tf.mul(tf.customGrad(() => ({ value: tf.ones([3]), gradFunc: (dy: tf.Tensor) => tf.mul(dy, 2) }))(x!), y!),
    [[3], [3]],
  ],
};
test.each(Object.entries(blocks))('captured tensors have their gradients: %s', async (_, [block, shapes]) => {
  const captured: Module = (...xs) => checkpoint(() => block(...xs))();
  const forward = await onnxEngine({ threads: 1, worker: false }).compileForward(
    (_constants, inputs) => {
      // What is captured is an intermediate result, and not an input of the graph.
      const tensors = shapes.map((_shape, i) => tf.mul(inputs[`x${i}`]!, 0.5));
      const of = (module: Module) => tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.square(module(...xs))))(tensors);
      const both = { kept: of(block), again: of(captured) };
      return Object.fromEntries(
        Object.entries(both).flatMap(([name, gradients]) => gradients.map((x, i) => [`${name}${i}`, x])),
      );
    },
    { constants: {}, inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, f32(...shape)])) },
  );
  const inputs = shapes.map((shape, i) => [
    `x${i}`,
    numbers(
      shape.reduce((a, b) => a * b, 1),
      i,
    ),
  ]);
  const got = await forward.run(Object.fromEntries(inputs));
  await forward.dispose();
  for (const i of shapes.keys()) {
    expect(got[`kept${i}`]!.some((x) => x !== 0)).toBe(true);
    expect(worstRelativeError(got[`again${i}`]!, got[`kept${i}`]!)).toBeLessThan(1e-6);
  }
});

test('a block that gives back what it was given has the gradient of that', async () => {
  const forward = await onnxEngine({ threads: 1, worker: false }).compileForward(
    (_constants, { x }) => {
      const of = (block: (input: tf.Tensor) => tf.Tensor) => tf.grad((input) => tf.sum(tf.square(block(input))))(x!);
      return { kept: of((input) => input), again: of(checkpoint((input: tf.Tensor) => input)) };
    },
    { constants: {}, inputs: { x: f32(3) } },
  );
  const { kept, again } = await forward.run({ x: numbers(3, 1) });
  await forward.dispose();
  expect([...again!]).toEqual([...kept!]);
});
