import { gradients } from './gradients/registry.ts';
import { complexLowerings } from './trace/kernels/complex.ts';
import { lowerings } from './trace/kernels/index.ts';
import { refusals } from './trace/refusals.ts';
import { kernelNames } from './trace/register-kernels.ts';

export interface KernelCoverage {
  /** tfjs's name of the kernel, such as `BatchMatMul`. */
  kernel: string;
  /** Whether a gradient is defined for it. */
  hasGradient: boolean;
}

/** Every tfjs kernel that compiles, in alphabetical order. Kernels that are the backward of another have no gradient of their own. */
export function compiledKernels(): KernelCoverage[] {
  return [...new Set([...Object.keys(lowerings), ...Object.keys(complexLowerings)])]
    .sort()
    .map((kernel) => ({ kernel, hasGradient: kernel in gradients }));
}

/** Every tfjs kernel that does not compile, in alphabetical order, and why. */
export function refusedKernels(): { kernel: string; reason: string }[] {
  return kernelNames
    .filter((kernel) => !isCompiled(kernel))
    .sort()
    .map((kernel) => ({ kernel, reason: refusals[kernel] ?? '' }));
}

/** @example isCompiled('Einsum') // true */
export function isCompiled(kernel: string): boolean {
  return Object.hasOwn(lowerings, kernel) || Object.hasOwn(complexLowerings, kernel);
}
