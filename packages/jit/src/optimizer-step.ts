import type { Arena } from './arena.ts';
import { type AdamWKernel, clipCoefficient } from './optimizer/index.ts';
import type { AdamWNumbers } from './train-definition.ts';

/**
 * One clipped AdamW update of everything that trains, in place.
 * @param step updates made so far
 * @returns the gradient norm before clipping, and the updates made now. A norm that is not finite updates nothing.
 */
export function updateState(
  arena: Arena,
  kernel: AdamWKernel,
  optimizer: AdamWNumbers,
  lr: number,
  step: number,
): { gradNorm: number; step: number } {
  const { regionLength, runs } = arena.layout;
  const gradNorm = Math.sqrt(kernel.sumOfSquares(arena.pointer(1, 0), regionLength));
  if (!Number.isFinite(gradNorm)) return { gradNorm, step };
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = optimizer;
  const gradientScale = clipCoefficient(gradNorm, clipNorm);
  for (const { offset, length, decays } of runs) {
    kernel.update({
      params: arena.pointer(0, offset),
      gradients: arena.pointer(1, offset),
      m: arena.pointer(2, offset),
      v: arena.pointer(3, offset),
      count: length,
      lr,
      beta1,
      beta2,
      epsilon,
      weightDecay: decays ? weightDecay : 0,
      step: step + 1,
      gradientScale,
    });
  }
  return { gradNorm, step: step + 1 };
}
