import { imageShares } from './ratio.ts';
import { against, paperArm, percentName, percentText, type Sweep } from './sweep.ts';

export const scratch: Sweep = {
  question: 'How many images does a model bear that has read nothing yet?',
  answers: 'Fig. 6',
  fixed: 'branch point 0 %, length of phase 2, re-warmed schedule',
  arms: () =>
    imageShares.map((imageShare) => ({ ...paperArm(0), id: `scratch-${percentName(imageShare)}`, imageShare })),
  pairs: (recipe) => against('scratch-0', scratch.arms(recipe)),
  axis: {
    title: 'share of image tokens in phase 2',
    of: ({ imageShare }, { branch }) => percentText(imageShare ?? branch.imageShare),
  },
};
