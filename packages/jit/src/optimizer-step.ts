import type { Arena } from './arena.ts';
import type { StepResult } from './engine.ts';
import { clipCoefficient, type OptimizerKernels } from './optimizer/index.ts';
import type { OptimizerPlan } from './optimizer/optimizer-plan.ts';

/**
 * One clipped update of everything that trains, in place.
 * @param step updates made so far
 * @returns the gradient norms before clipping, and the updates made now. A norm that is not finite updates nothing.
 */
export function updateState(
  arena: Arena,
  kernels: OptimizerKernels,
  { rule, clipNorm }: OptimizerPlan,
  lr: number,
  step: number,
): Pick<StepResult, 'gradNorm' | 'groupNorms'> & { step: number } {
  const { regionLength, runs } = arena.layout;
  const gradNorm = Math.sqrt(kernels.adamw.sumOfSquares(arena.pointer(1, 0), regionLength));
  const norms = { gradNorm, ...groupNorms(arena, kernels) };
  if (!Number.isFinite(gradNorm)) return { ...norms, step };
  const gradientScale = clipCoefficient(gradNorm, clipNorm);
  for (const { offset, length, weightDecay, learningRateScale } of runs) {
    const update = {
      params: arena.pointer(0, offset),
      gradients: arena.pointer(1, offset),
      m: arena.pointer(2, offset),
      count: length,
      lr: lr * learningRateScale,
      weightDecay,
      gradientScale,
    };
    if (rule.kind === 'sgd') kernels.sgd.update({ ...update, momentum: rule.momentum, nesterov: rule.nesterov });
    else {
      const { beta1, beta2, epsilon } = rule;
      kernels.adamw.update({ ...update, v: arena.pointer(3, offset), beta1, beta2, epsilon, step: step + 1 });
    }
  }
  return { ...norms, step: step + 1 };
}

function groupNorms(arena: Arena, kernels: OptimizerKernels): Pick<StepResult, 'groupNorms'> {
  const groups = Object.entries(arena.layout.normGroups);
  if (groups.length === 0) return {};
  const norms = groups.map(([group, slots]) => {
    const sums = slots.map(({ offset, length }) => kernels.adamw.sumOfSquares(arena.pointer(1, offset), length));
    return [group, Math.sqrt(sums.reduce((total, sum) => total + sum, 0))];
  });
  return { groupNorms: Object.fromEntries(norms) };
}
