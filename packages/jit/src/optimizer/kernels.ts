import type { AdamWKernel, KernelMemory } from './adamw-kernel.ts';
import { createReferenceAdamWKernel } from './adamw-reference.ts';
import { createAdamWKernel } from './adamw-wasm.ts';
import type { SgdKernel } from './sgd-kernel.ts';
import { createReferenceSgdKernel } from './sgd-reference.ts';
import { createSgdKernel } from './sgd-wasm.ts';

/** Every optimizer on one memory. */
export interface OptimizerKernels {
  /** AdamW, and the sum of squares that every optimizer's clipping needs. */
  adamw: AdamWKernel;
  sgd: SgdKernel;
}

/** In WebAssembly SIMD. */
export const optimizerKernels = (memory: KernelMemory): OptimizerKernels => ({
  adamw: createAdamWKernel(memory),
  sgd: createSgdKernel(memory),
});

/** In TypeScript: the same bits. */
export const referenceKernels = (memory: KernelMemory): OptimizerKernels => ({
  adamw: createReferenceAdamWKernel(memory),
  sgd: createReferenceSgdKernel(memory),
});
