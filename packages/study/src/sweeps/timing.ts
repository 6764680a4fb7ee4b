import { against, paperArm, percentText, type Sweep } from './sweep.ts';

/** The paper's six branch points. */
export const branchPoints: readonly number[] = [0, 0.2, 0.4, 0.6, 0.8, 1];

export const timing: Sweep = {
  question: 'When should images enter?',
  answers: 'Fig. 4 and 9',
  fixed: 'everything after the branch point but the learning rate; 0 and 100 % warm up again, as in the paper',
  arms: () => branchPoints.map(paperArm),
  pairs: () => against('branch-100', branchPoints.map(paperArm)),
  axis: { title: 'images enter at', of: ({ branchPoint }) => percentText(branchPoint) },
};
