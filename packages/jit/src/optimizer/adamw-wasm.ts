import type { AdamWKernel, KernelMemory } from './adamw-kernel.ts';
import { adamWScalars, checkRange } from './adamw-scalars.ts';
import { adamWWasm } from './generated/adamw-wasm.ts';
import { instantiate } from './instantiate.ts';

/** What `adamw.wat` exports. */
interface AdamWExports {
  sumOfSquares(pointer: number, count: number): number;
  update(
    ...numbers: [
      ...pointers: [params: number, gradients: number, m: number, v: number],
      count: number,
      ...scalars: [number, number, number, number, number, number, number, number],
    ]
  ): void;
}

/**
 * AdamW in WebAssembly SIMD (`adamw.wat`), on a plain, not shared, `WebAssembly.Memory`.
 * @param memory the memory that holds parameters, gradients and moments; it may grow later
 * @returns a kernel on byte offsets into it, with the bits of `createReferenceAdamWKernel`
 * @throws {JitError} from its methods: `invalid-definition` for a hyperparameter or a range that makes no sense,
 *   `invalid-state` when gradientScale is not finite
 * @example
 * const memory = new WebAssembly.Memory({ initial: 1 });
 * const kernel = createAdamWKernel(memory);
 * const gradNorm = Math.sqrt(kernel.sumOfSquares(gradients, count));
 */
export function createAdamWKernel(memory: KernelMemory): AdamWKernel {
  const { sumOfSquares, update } = instantiate<AdamWExports>(adamWWasm, memory);
  return {
    sumOfSquares(pointer, count) {
      checkRange(memory, 'the summed range', pointer, count);
      return sumOfSquares(pointer, count);
    },
    update(options) {
      const { params, gradients, m, v, count } = options;
      for (const [name, pointer] of Object.entries({ params, gradients, m, v })) {
        checkRange(memory, name, pointer, count);
      }
      const s = adamWScalars(options);
      update(
        ...([params, gradients, m, v] as const),
        count,
        ...([s.decay, s.oneMinusBeta1, s.beta2, s.oneMinusBeta2, s.correction2, s.epsilon] as const),
        s.stepSize,
        s.gradientScale,
      );
    },
  };
}
