/** One step of a deep model, in a process of its own whose memory is measured. Argument: `stored` or `recomputed`. Sends bytes. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { checkpoint } from '../checkpoint.ts';
import type { Signature, TrainStepDefinition } from '../engine.ts';
import { explain } from '../explain/explain.ts';
import { linear, rmsNorm, swiglu } from '../nn/index.ts';
import { onnxEngine } from '../onnx-engine.ts';

const [N, D, H, layers] = [2048, 128, 512, 16];
const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });
const wrap = process.argv[2] === 'recomputed' ? checkpoint : (block: (x: tf.Tensor) => tf.Tensor) => block;

const params: Signature = Object.fromEntries(
  Array.from({ length: layers }, (_, i) => [
    [`${i}.gain`, f32(D)],
    [`${i}.up`, f32(2 * H, D)],
    [`${i}.down`, f32(D, H)],
  ]).flat(),
);
const definition: TrainStepDefinition = {
  params,
  variants: { batch: { x: f32(N, D) } },
  loss(w, { x }) {
    let h = x!;
    for (let i = 0; i < layers; i++) {
      const block = (y: tf.Tensor) => {
        const normal = rmsNorm(y, w[`${i}.gain`]!, { epsilon: 1e-5 });
        return tf.add(y, linear(swiglu(linear(normal, w[`${i}.up`]!)), w[`${i}.down`]!));
      };
      h = wrap(block)(h);
    }
    return { loss: tf.mean(tf.square(h)) as tf.Scalar };
  },
  optimizer: { kind: 'sgd', weightDecay: 0 },
};

const resident = (field: 'VmRSS' | 'VmHWM'): number =>
  1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1]);
const estimate = explain(definition).intermediateBytes;
const filled = Object.entries(params).map(([name, { shape }]) => [
  name,
  new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.01),
]);
const step = await onnxEngine({ threads: 1, worker: false }).compileTrainStep(definition);
await step.setState({ params: Object.fromEntries(filled), m: {}, v: {}, step: 0 });
const batch = { x: new Float32Array(N * D).fill(0.5) };
const before = resident('VmRSS');
await step.run('batch', batch, { lr: 0.01 });
process.send!({ estimate, measured: resident('VmHWM') - before });
await step.dispose();
