/** Small networks in plain tfjs operations, for the contract of engines. Legend: B rows, T positions, D width, K width of a head. */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays, Signature, TrainState, TrainStepDefinition } from '../engine.ts';
import { sizeOf } from '../ir/graph.ts';

export interface Network {
  definition: TrainStepDefinition;
  batch(variant: string, seed: number): NamedArrays;
  start(): TrainState;
}

const optimizer = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.05, clipNorm: 1 };
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const i32 = (...shape: number[]) => ({ shape, dtype: 'int32' as const });

/** Numbers in (−1, 1) that depend on nothing but the seed (a linear congruential generator). */
export function numbers(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 0.99;
  });
}

function network(definition: TrainStepDefinition, integers: Record<string, number> = {}): Network {
  const { params, frozen = [], variants } = definition;
  return {
    definition,
    batch(variant, seed) {
      const signature: Signature = variants[variant]!;
      return Object.fromEntries(
        Object.entries(signature).map(([name, { shape, dtype }], i) => {
          const data = numbers(sizeOf(shape), seed * 31 + i);
          if (dtype === 'float32') return [name, data];
          const limit = integers[name]!;
          return [name, Int32Array.from(data, (x) => Math.floor(((x + 1) / 2) * limit))];
        }),
      );
    },
    start() {
      const names = Object.keys(params);
      const start = names.map((name, i) => [name, numbers(sizeOf(params[name]!.shape), i + 1).map((x) => x * 0.5)]);
      const trained = names.filter((name) => !frozen.includes(name));
      const zeros = () =>
        Object.fromEntries(trained.map((name) => [name, new Float32Array(sizeOf(params[name]!.shape))]));
      return { params: Object.fromEntries(start), m: zeros(), v: zeros(), step: 0 };
    },
  };
}

/** Two layers, two variants that share them, a bias that does not decay and a frozen scale. */
export const mlp = (): Network =>
  network({
    params: { w1: f32(5, 8), b1: f32(8), scale: f32(8), w2: f32(8, 3), b2: f32(3) },
    frozen: ['scale'],
    variants: { wide: { x: f32(12, 5), y: f32(12, 3) }, narrow: { x: f32(4, 5) } },
    loss({ w1, b1, scale, w2, b2 }, { x, y }, variant) {
      const hidden = tf.mul(tf.tanh(tf.add(tf.matMul(x!, w1!), b1!)), scale!);
      if (variant === 'narrow') return { loss: tf.mean(tf.square(hidden)) as tf.Scalar };
      const out = tf.add(tf.matMul(hidden, w2!), b2!);
      const loss = tf.mean(tf.squaredDifference(out, y!)) as tf.Scalar;
      return { loss, metrics: { largest: tf.max(out) as tf.Scalar, rows: tf.scalar(12, 'int32') } };
    },
    optimizer: { ...optimizer, decays: (name) => name.startsWith('w') },
  });

/** Convolutions with both paddings and strides that leave rows over, a depthwise one, pooling, batch norm and a classifier. */
export const convNet = (): Network =>
  network(
    {
      params: {
        k1: f32(3, 3, 2, 4),
        gain: f32(4),
        shift: f32(4),
        k2: f32(3, 2, 4, 5),
        kd: f32(2, 2, 5, 2),
        head: f32(10, 3),
      },
      variants: { images: { x: f32(3, 10, 11, 2), y: i32(3) } },
      loss({ k1, gain, shift, k2, kd, head }, { x, y }) {
        const a = tf.conv2d(x as tf.Tensor4D, k1 as tf.Tensor4D, 2, 'same');
        const { mean, variance } = tf.moments(a, [0, 1, 2]);
        const normal = tf.batchNorm(
          a,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          shift as tf.Tensor1D,
          gain as tf.Tensor1D,
        );
        const b = tf.leakyRelu(tf.conv2d(normal, k2 as tf.Tensor4D, [2, 1], 'valid'), 0.1);
        const c = tf.relu(tf.depthwiseConv2d(b, kd as tf.Tensor4D, 1, 'same'));
        const pooled = tf.add(
          tf.mean(tf.avgPool(c, 2, 1, 'valid'), [1, 2]),
          tf.mean(tf.maxPool(c, 3, 2, 'same'), [1, 2]),
        );
        const logits = tf.matMul(pooled as tf.Tensor2D, head as tf.Tensor2D);
        const target = tf.oneHot(tf.cast(y!, 'int32'), 3);
        return { loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), -1))) as tf.Scalar };
      },
      optimizer,
    },
    { y: 3 },
  );

/** Embedding, one block of causal attention with two heads, a gated layer and a tied head. */
export const attentionNet = (): Network => {
  const [B, T, D, V] = [2, 5, 8, 11];
  return network(
    {
      params: { table: f32(V, D), qkv: f32(D, 3 * D), out: f32(D, D), gain: f32(D), up: f32(D, 12), down: f32(6, D) },
      variants: { text: { tokens: i32(B, T), targets: i32(B, T) } },
      loss({ table, qkv, out, gain, up, down }, { tokens, targets }) {
        const norm = (x: tf.Tensor) => {
          const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5));
          return tf.mul(tf.mul(x, scale), gain!);
        };
        const times = (x: tf.Tensor, w: tf.Tensor) =>
          tf.reshape(tf.matMul(tf.reshape(x, [-1, x.shape.at(-1)!]), w as tf.Tensor2D), [B, T, -1]);
        const heads = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, T, 2, D / 2]), [0, 2, 1, 3]);
        let x = tf.gather(table!, tokens as tf.Tensor2D);
        const [q, k, v] = tf.split(times(norm(x), qkv!), 3, -1).map(heads) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const future = tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0));
        const scores = tf.sub(tf.mul(tf.matMul(q, k, false, true), 0.5), tf.mul(future, 1e9));
        const mixed = tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]), [B, T, D]);
        x = tf.add(x, times(mixed, out!));
        const [gate, value] = tf.split(times(norm(x), up!), 2, -1) as [tf.Tensor, tf.Tensor];
        x = tf.add(x, times(tf.mul(tf.mul(gate, tf.sigmoid(gate)), value), down!));
        const logits = tf.matMul(tf.reshape(norm(x), [-1, D]), table as tf.Tensor2D, false, true);
        const target = tf.oneHot(tf.reshape(targets!, [-1]) as tf.Tensor1D, V);
        const loss = tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), -1))) as tf.Scalar;
        return { loss, metrics: { perplexity: tf.exp(loss) as tf.Scalar } };
      },
      optimizer,
    },
    { tokens: V, targets: V },
  );
};

export const networks: [name: string, make: () => Network][] = [
  ['MLP', mlp],
  ['conv net', convNet],
  ['attention net', attentionNet],
];
