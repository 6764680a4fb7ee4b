import { against, lateBranchPoint, paperArm, percentName, percentText, type Sweep } from './sweep.ts';

export const instruction: Sweep = {
  question: 'Do conversations among the captions of phase 2 help?',
  answers: 'Fig. 7',
  fixed: 'branch point 80 %, image share, length of phase 2',
  arms: () =>
    [0, 0.2, 0.5, 1].map((instructionShare) => ({
      ...paperArm(lateBranchPoint),
      id: `instruction-${percentName(instructionShare)}`,
      instructionShare,
    })),
  pairs: (recipe) => against('instruction-0', instruction.arms(recipe)),
  axis: {
    title: 'conversations’ share of the image tokens',
    of: ({ instructionShare }) => percentText(instructionShare ?? 0),
  },
};
