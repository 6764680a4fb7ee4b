import type { Arm } from '../recipe.ts';
import { against, lateBranchPoint, paperArm, percentName, type Sweep } from './sweep.ts';

/** Peaks of the re-warmed 100 % arm, as multiples of the recipe's own. */
const peakMultiples = [0.1, 0.3, 1, 2];

/** The paper's two-phase arm by its name here, and all that have a text-only twin. */
const twoPhase = 'rewarm-100-x1';
const twinned = [
  paperArm(lateBranchPoint).id,
  `rewarm-${percentName(lateBranchPoint)}-x1`,
  ...peakMultiples.map((multiple) => `rewarm-100-x${multiple}`),
];

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
  pairs: () => [
    ...against(
      twoPhase,
      twinned.map((id) => ({ id })),
    ),
    ...against(
      `${twoPhase}-text-only`,
      twinned.map((id) => ({ id: `${id}-text-only` })),
    ),
  ],
  axis: {
    title: 'branch point and schedule',
    isNominal: true,
    of: ({ id }) => id.replace('-text-only', ''),
    series: ({ imageShare }) => (imageShare === 0 ? 'text-only twin' : 'with images'),
  },
};
