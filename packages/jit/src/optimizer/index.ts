export type { KernelMemory } from './adamw-kernel.ts';
export { clipCoefficient } from './clip.ts';
export { type OptimizerKernels, optimizerKernels, referenceKernels } from './kernels.ts';
