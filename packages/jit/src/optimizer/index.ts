export type { AdamWKernel, KernelMemory } from './adamw-kernel.ts';
export { createReferenceAdamWKernel } from './adamw-reference.ts';
export { createAdamWKernel } from './adamw-wasm.ts';
export { clipCoefficient } from './clip.ts';
