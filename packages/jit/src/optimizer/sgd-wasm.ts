import type { KernelMemory } from './adamw-kernel.ts';
import { sgdWasm } from './generated/sgd-wasm.ts';
import { instantiate } from './instantiate.ts';
import type { SgdKernel } from './sgd-kernel.ts';
import { checkSgdRanges, sgdScalars } from './sgd-scalars.ts';

/** What `sgd.wat` exports. */
interface SgdExports {
  plain(params: number, gradients: number, count: number, decay: number, lr: number, gradientScale: number): void;
  withMomentum(
    params: number,
    gradients: number,
    m: number,
    count: number,
    decay: number,
    momentum: number,
    nesterov: number,
    lr: number,
    gradientScale: number,
  ): void;
}

/**
 * Gradient descent in WebAssembly SIMD (`sgd.wat`), with the bits of `createReferenceSgdKernel`.
 * @param memory the memory that holds parameters, gradients and momentum; it may grow later
 * @throws {JitError} from `update`: `invalid-definition`, `invalid-state`
 */
export function createSgdKernel(memory: KernelMemory): SgdKernel {
  const { plain, withMomentum } = instantiate<SgdExports>(sgdWasm, memory);
  return {
    update(options) {
      checkSgdRanges(memory, options);
      const { params, gradients, m, count, nesterov } = options;
      const { decay, momentum, lr, gradientScale } = sgdScalars(options);
      if (momentum === 0) plain(params, gradients, count, decay, lr, gradientScale);
      else withMomentum(params, gradients, m, count, decay, momentum, nesterov ? 1 : 0, lr, gradientScale);
    },
  };
}
