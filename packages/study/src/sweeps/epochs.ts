import { against, lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

export const epochs: Sweep = {
  question: 'How many passes over the conversations?',
  answers: 'Fig. 8',
  fixed: 'branch point 80 % and all of phase 2, which the arms share',
  arms: () =>
    [1, 2, 3, 4, 5].map((count) => ({
      ...paperArm(lateBranchPoint),
      id: `epochs-${count}`,
      changes: { finetune: { epochs: count } },
    })),
  pairs: (recipe) => against('epochs-1', epochs.arms(recipe)),
  axis: {
    title: 'passes over the conversations',
    of: ({ changes }, { finetune }) => `${changes?.finetune?.epochs ?? finetune.epochs}`,
  },
};
