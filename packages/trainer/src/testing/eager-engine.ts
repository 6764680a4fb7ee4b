/** The plainest engine there is: tfjs, op by op, with its own autodiff, and AdamW in JavaScript. */
import * as tf from '@tensorflow/tfjs';
import type { Engine, NamedArrays, NamedTensors, Signature, TrainState } from '@vlm/jit';

tf.enableProdMode(); // prints no advertisement, checks no leaks

const tensors = (arrays: NamedArrays, signature: Signature): NamedTensors =>
  Object.fromEntries(
    Object.entries(signature).map(([name, { shape, dtype }]) => [name, tf.tensor(arrays[name]!, [...shape], dtype)]),
  );

export const eagerEngine: Engine = {
  name: 'tfjs-eager',
  async compileTrainStep({ params, variants, loss, optimizer }) {
    const { beta1, beta2, epsilon, weightDecay, clipNorm = Number.POSITIVE_INFINITY } = optimizer;
    const names = Object.keys(params);
    let state: TrainState = { params: {}, m: {}, v: {}, step: 0 };

    const gradients = async (variant: string, batch: NamedArrays) => {
      await tf.ready();
      return tf.tidy(() => {
        const inputs = tensors(batch, variants[variant]!);
        const values = Object.values(tensors(state.params, params));
        const f = (...given: tf.Tensor[]): tf.Tensor =>
          loss(Object.fromEntries(names.map((name, i) => [name, given[i]!])), inputs, variant).loss;
        const { value, grads } = tf.valueAndGrads(f)(values);
        const arrays = names.map((name, i) => [name, grads[i]!.dataSync() as Float32Array]);
        return { loss: value.dataSync()[0]!, gradients: Object.fromEntries(arrays) as Record<string, Float32Array> };
      });
    };

    return {
      gradients,
      setState: async (next) => {
        state = structuredClone(next);
      },
      getState: async () => structuredClone(state),
      dispose: async () => undefined,
      async run(variant, batch, { lr }) {
        const result = await gradients(variant, batch);
        const gradNorm = Math.hypot(...names.flatMap((name) => [...result.gradients[name]!]));
        const scale = Math.min(1, clipNorm / gradNorm);
        state.step++;
        for (const name of names) {
          const [p, m, v] = [state.params[name]!, state.m[name]!, state.v[name]!];
          for (const [i, gradient] of result.gradients[name]!.entries()) {
            const g = gradient * scale;
            m[i] = beta1 * m[i]! + (1 - beta1) * g;
            v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
            const update = m[i]! / (1 - beta1 ** state.step) / (Math.sqrt(v[i]! / (1 - beta2 ** state.step)) + epsilon);
            p[i] = p[i]! * (1 - lr * weightDecay) - lr * update;
          }
        }
        return { loss: result.loss, gradNorm, metrics: {} };
      },
    };
  },
  compileForward: () => Promise.reject(new Error('This engine only trains.')),
};
