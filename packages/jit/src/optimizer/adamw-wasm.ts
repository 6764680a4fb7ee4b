import type { AdamWKernel, KernelMemory } from './adamw-kernel.ts';
import { createReferenceAdamWKernel } from './adamw-reference.ts';

/**
 * AdamW on a plain `WebAssembly.Memory`.
 * @param memory the memory that holds parameters, gradients and moments; it may grow later
 * @returns a kernel on byte offsets
 */
export function createAdamWKernel(memory: KernelMemory): AdamWKernel {
  return createReferenceAdamWKernel(memory);
}
