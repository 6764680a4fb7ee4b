import type { Recipe } from '../recipe.ts';
import { against, lateBranchPoint, paperArm, percentName, percentText, type Sweep } from './sweep.ts';

/** The paper's image shares, and the larger ones that small corpora need. */
export const imageShares: readonly number[] = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.85];

/** The share of the sweep that is nearest to the recipe's own. */
function nearestShare({ branch }: Pick<Recipe, 'branch'>): number {
  const distance = (share: number): number => Math.abs(share - branch.imageShare);
  return imageShares.reduce((near, share) => (distance(share) < distance(near) ? share : near));
}

export const ratio: Sweep = {
  question: 'How many of phase 2’s tokens should be images after a late start?',
  answers: 'Fig. 5',
  fixed: 'branch point 80 %, length of phase 2, schedule',
  arms: () =>
    imageShares.map((imageShare) => ({
      ...paperArm(lateBranchPoint),
      id: `ratio-${percentName(imageShare)}`,
      imageShare,
    })),
  pairs: (recipe) => against(`ratio-${percentName(nearestShare(recipe))}`, ratio.arms(recipe)),
  axis: {
    title: 'share of image tokens in phase 2',
    of: ({ imageShare }, { branch }) => percentText(imageShare ?? branch.imageShare),
  },
};
