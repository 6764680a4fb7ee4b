import type { Arm } from '../recipe.ts';

/**
 * The paper's six branch points (Fig. 4): 0 and 100 % re-warm, the others continue the main run's schedule.
 */
export function paperArms(): Arm[] {
  return [0, 0.2, 0.4, 0.6, 0.8, 1].map((branchPoint) => ({
    id: `branch-${Math.round(branchPoint * 100)}`,
    branchPoint,
    schedule: branchPoint === 0 || branchPoint === 1 ? 'rewarm' : 'continued',
  }));
}
