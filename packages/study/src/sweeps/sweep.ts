import type { Arm, Recipe } from '../recipe.ts';

/** One question, and the arms that answer it. */
export interface Sweep {
  question: string;
  /** What of the paper it answers, or which control that the paper left out it is. */
  answers: string;
  /** What all its arms have in common. */
  fixed: string;
  arms(recipe: Recipe): Arm[];
  /** Seeds at which every arm of the study runs, beside the recipe's own. */
  seeds?: readonly number[];
}

/** The paper's best branch point: where most sweeps leave the main run. */
export const lateBranchPoint = 0.8;

/** A share or a point of the main run as part of a name: .05 → `5`. */
export function percentName(share: number): string {
  return `${Number((100 * share).toFixed(2))}`;
}

/** An arm as the paper makes it: 0 and 100 % re-warm, the others continue the main run's schedule. */
export function paperArm(branchPoint: number): Arm {
  return {
    id: `branch-${percentName(branchPoint)}`,
    branchPoint,
    schedule: branchPoint === 0 || branchPoint === 1 ? 'rewarm' : 'continued',
  };
}
