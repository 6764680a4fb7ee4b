import { against, paperArm, percentName, percentText, type Sweep } from './sweep.ts';
import { branchPoints } from './timing.ts';

/** A quarter of it still has a name of its own in hundredths of a per cent. */
const leastShare = 0.001;

export const budget: Sweep = {
  question: 'With the same number of image tokens: early and few at a time, or late and many?',
  answers: 'a control that the paper left out: equal numbers of image tokens at every branch point',
  fixed: 'image tokens in all (the recipe’s phase 2 at its image share); a lower share makes phase 2 longer',
  arms: ({ branch }) => {
    const imageTokens = branch.tokens * branch.imageShare;
    return branchPoints
      .filter((point) => point !== 0.2 && point !== 0.6)
      .flatMap((point) =>
        [1, 0.5, 0.25].map((part) => {
          const imageShare = part * branch.imageShare;
          return {
            ...paperArm(point),
            id: `budget-${percentName(point)}-share-${percentName(imageShare)}`,
            imageShare,
            tokens: Math.round(imageTokens / imageShare),
          };
        }),
      );
  },
  problem: ({ branch }) =>
    branch.imageShare < leastShare
      ? `it halves branch.imageShare twice at equal image tokens, which needs a share of at least ${leastShare}, got ${branch.imageShare}`
      : undefined,
  pairs: (recipe) => against(`budget-100-share-${percentName(recipe.branch.imageShare)}`, budget.arms(recipe)),
  axis: {
    title: 'images enter at',
    of: ({ branchPoint }) => percentText(branchPoint),
    series: ({ imageShare }, { branch }) => `${percentText(imageShare ?? branch.imageShare)} image tokens`,
  },
};
