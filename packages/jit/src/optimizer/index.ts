export type { AdamWKernel, AdamWUpdate, KernelMemory } from './adamw-kernel.ts';
export { adamWUpdate, createReferenceAdamWKernel, sumOfSquares } from './adamw-reference.ts';
export { createAdamWKernel } from './adamw-wasm.ts';
export { clipCoefficient } from './clip.ts';
