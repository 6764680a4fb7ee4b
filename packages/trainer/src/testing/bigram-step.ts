/**
 * A real train step without an engine: a bigram model (row x of a V × V table holds the logits of what follows x) with softmax
 * cross-entropy and AdamW in float32, small enough for property tests of the loop.
 */
import type { NamedArrays, Signature, StepResult, TrainState, TrainStep } from '@vlm/jit';

export const VOCABULARY = 12;
export const bigramParams: Signature = { table: { shape: [VOCABULARY, VOCABULARY], dtype: 'float32' } };
export const bigramStart = (): Record<string, Float32Array> => ({
  table: Float32Array.from({ length: VOCABULARY * VOCABULARY }, (_, i) => Math.sin(i)),
});

const BETA1 = 0.9;
const BETA2 = 0.95;
const DECAY = 0.1;

export type Fault = { loss: number } | { gradNorm: number } | undefined;

export interface BigramHooks {
  /**
   * Called before an update; may wait, throw, or say what is not finite: a `loss` spoils the weights, a `gradNorm` leaves them untouched,
   * as engines do.
   */
  before?: (call: number, tokens_BT: Int32Array) => Promise<Fault> | Fault;
}

export function bigramStep(hooks: BigramHooks = {}): TrainStep {
  let state: TrainState = { params: {}, m: {}, v: {}, step: 0 };
  let calls = 0;
  const copy = (from: TrainState): TrainState => structuredClone(from);

  const lossAndGradient = (tokens_BT: Int32Array, targets_BT: Int32Array, weights_BT: Float32Array) => {
    const table = state.params['table']!;
    const gradient = new Float32Array(table.length);
    const total = weights_BT.reduce((sum, w) => sum + w, 0);
    let loss = 0;
    for (const [i, x] of tokens_BT.entries()) {
      if (weights_BT[i] === 0) continue;
      const row = table.subarray(x * VOCABULARY, (x + 1) * VOCABULARY);
      const exps = row.map((logit) => Math.exp(logit));
      const sum = exps.reduce((a, b) => a + b, 0);
      loss += (Math.log(sum) - row[targets_BT[i]!]!) / total;
      for (let y = 0; y < VOCABULARY; y++) {
        gradient[x * VOCABULARY + y]! += (exps[y]! / sum - (y === targets_BT[i] ? 1 : 0)) / total;
      }
    }
    return { loss, gradient };
  };

  const gradientOf = (batch: NamedArrays) => {
    const { tokens_BT, targets_BT, weights_BT } = batch as Record<string, Int32Array>;
    return lossAndGradient(tokens_BT!, targets_BT!, weights_BT as unknown as Float32Array);
  };
  const update = (loss: number, gradient: Float32Array, lr: number, fault: Fault): StepResult => {
    const gradNorm = fault && 'gradNorm' in fault ? fault.gradNorm : Math.hypot(...gradient);
    const norms = { gradNorm, groupNorms: { table: gradNorm } };
    if (fault && 'gradNorm' in fault) return { loss, ...norms, metrics: {} };
    const { table } = state.params;
    const m = state.m['table']!;
    const v = state.v['table']!;
    state.step++;
    for (const [i, g] of gradient.entries()) {
      m[i] = BETA1 * m[i]! + (1 - BETA1) * g;
      v[i] = BETA2 * v[i]! + (1 - BETA2) * g * g;
      const change = m[i]! / (1 - BETA1 ** state.step) / (Math.sqrt(v[i]! / (1 - BETA2 ** state.step)) + 1e-8);
      table![i] = fault ? Number.NaN : table![i]! * (1 - lr * DECAY) - lr * change;
    }
    return { loss: fault?.loss ?? loss, ...norms, metrics: { crossEntropy: loss } };
  };

  return {
    async setState(next) {
      state = copy(next);
    },
    async getState() {
      return copy(state);
    },
    async run(_variant, batch, { lr }) {
      const fault = await hooks.before?.(calls++, batch['tokens_BT'] as Int32Array);
      const { loss, gradient } = gradientOf(batch);
      return update(loss, gradient, lr, fault);
    },
    async runAccumulated(microBatches, { lr }) {
      const fault = await hooks.before?.(calls++, microBatches[0]!.batch['tokens_BT'] as Int32Array);
      const total = microBatches.reduce((sum, { weight }) => sum + weight, 0);
      const mean = { loss: 0, gradient: new Float32Array(VOCABULARY * VOCABULARY) };
      for (const { batch, weight } of microBatches) {
        if (weight === 0) continue;
        const { loss, gradient } = gradientOf(batch);
        mean.loss += (weight / total) * loss;
        for (const [i, g] of gradient.entries()) mean.gradient[i]! += (weight / total) * g;
      }
      return update(mean.loss, mean.gradient, lr, fault);
    },
    async gradients(_variant, batch) {
      const { loss, gradient } = gradientOf(batch);
      return { loss, gradients: { table: gradient } };
    },
    async dispose() {},
  };
}
