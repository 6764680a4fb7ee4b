/**
 * AdamW in plain TypeScript: the definition that the WebAssembly kernel must match bit for bit.
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), in the order of operations of `torch.optim.AdamW`
 * (decay first, the first moment as a linear interpolation, ε outside the root), every operation rounded to float32.
 */
import type { AdamWKernel, AdamWUpdate, KernelMemory } from './adamw-kernel.ts';
import { adamWScalars, checkRange } from './adamw-scalars.ts';

const f32 = Math.fround;

/**
 * Sum of squares in float64.
 * @param values float32 numbers, any length
 * @returns Σ x², summed in eight lanes (element i in lane i mod 8) that are added pairwise: a fixed order on every machine
 */
export function sumOfSquares(values: Float32Array): number {
  const lanes = new Float64Array(8);
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    lanes[i & 7]! += x * x;
  }
  const [a, b, c, d, e, f, g, h] = lanes as unknown as number[];
  return a! + b! + (c! + d!) + (e! + f! + (g! + h!));
}

/**
 * One AdamW update in place.
 * @param params, gradients, m, v float32 arrays of equal length; gradients are only read
 * @param options learning rate, betas, ε, decay, `step` (from 1) and `gradientScale`
 * @throws {JitError} when a hyperparameter is out of its range
 * @example adamWUpdate(w, g, m, v, { lr: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, step: 1, gradientScale: 1 })
 */
export function adamWUpdate(
  params: Float32Array,
  gradients: Float32Array,
  m: Float32Array,
  v: Float32Array,
  options: Omit<AdamWUpdate, 'params' | 'gradients' | 'm' | 'v' | 'count'>,
): void {
  const s = adamWScalars(options);
  for (let i = 0; i < params.length; i++) {
    const g = f32(gradients[i]! * s.gradientScale);
    const decayed = f32(params[i]! * s.decay);
    const mNew = f32(m[i]! + f32(f32(g - m[i]!) * s.oneMinusBeta1));
    const vNew = f32(f32(v[i]! * s.beta2) + f32(f32(g * g) * s.oneMinusBeta2));
    const denominator = f32(f32(f32(Math.sqrt(vNew)) / s.correction2) + s.epsilon);
    params[i] = f32(decayed - f32(s.stepSize * f32(mNew / denominator)));
    m[i] = mNew;
    v[i] = vNew;
  }
}

/** The reference as a kernel: same interface and same bits as `createAdamWKernel`, without WebAssembly SIMD. */
export function createReferenceAdamWKernel(memory: KernelMemory): AdamWKernel {
  const view = (name: string, pointer: number, count: number) => {
    checkRange(memory, name, pointer, count);
    return new Float32Array(memory.buffer, pointer, count);
  };
  return {
    sumOfSquares: (pointer, count) => sumOfSquares(view('the summed range', pointer, count)),
    update(options) {
      const { count } = options;
      adamWUpdate(
        view('params', options.params, count),
        view('gradients', options.gradients, count),
        view('m', options.m, count),
        view('v', options.v, count),
        options,
      );
    },
  };
}
