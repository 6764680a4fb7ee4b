import type { Arm } from '../recipe.ts';
import { lateBranchPoint, paperArm, percentName, type Sweep } from './sweep.ts';

/** Peaks of the re-warmed 100 % arm, as multiples of the recipe's own. */
const peakMultiples = [0.1, 0.3, 1, 2];

export const schedule: Sweep = {
  question: 'Is it the images, or the learning rate that comes with an early branch?',
  answers: 'a control that the paper left out: its 100 % arm alone re-warms, to a peak that nobody tuned',
  fixed: 'length of phase 2; image share but in the text-only twins, which have none',
  arms: ({ branch }) => {
    const late = paperArm(lateBranchPoint);
    const rewarmed = (branchPoint: number, multiple: number): Arm => ({
      id: `rewarm-${percentName(branchPoint)}-x${multiple}`,
      branchPoint,
      schedule: 'rewarm',
      lrPeak: Math.min(1, multiple * branch.rewarmPeak),
    });
    const arms = [late, rewarmed(lateBranchPoint, 1), ...peakMultiples.map((multiple) => rewarmed(1, multiple))];
    return [...arms, ...arms.map((arm) => ({ ...arm, id: `${arm.id}-text-only`, imageShare: 0 }))];
  },
};
