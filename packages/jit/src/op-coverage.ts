import { gradients } from './gradients/registry.ts';
import { lowerings } from './trace/kernels/index.ts';

export interface KernelCoverage {
  /** tfjs's name of the kernel, such as `BatchMatMul`. */
  kernel: string;
  /** Whether a gradient is defined for it. */
  hasGradient: boolean;
}

/** Every tfjs kernel that compiles, in alphabetical order. Kernels that are the backward of another have no gradient of their own. */
export function compiledKernels(): KernelCoverage[] {
  return Object.keys(lowerings)
    .sort()
    .map((kernel) => ({ kernel, hasGradient: kernel in gradients }));
}

/** @example isCompiled('Einsum') // false */
export function isCompiled(kernel: string): boolean {
  return Object.hasOwn(lowerings, kernel);
}
