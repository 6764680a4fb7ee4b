import { against, paperArm, percentName, percentText, type Sweep } from './sweep.ts';
import { branchPoints } from './timing.ts';

/** A quarter of it still has a name of its own in hundredths of a per cent. */
const leastShare = 0.001;

const armName = (point: number, share: number): string => `budget-${percentName(point)}-share-${percentName(share)}`;
const twoPhase = (share: number): string => armName(1, share);

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
            id: armName(point, imageShare),
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
  /** All against late and many; then the branch points among those of one lower share. */
  pairs: (recipe) => {
    const arms = budget.arms(recipe);
    const whole = recipe.branch.imageShare;
    const lowerShares = new Set(arms.map(({ imageShare }) => imageShare!).filter((share) => share !== whole));
    const ofShare = (share: number) => arms.filter(({ imageShare }) => imageShare === share);
    return [
      ...against(twoPhase(whole), arms),
      ...[...lowerShares].flatMap((share) => against(twoPhase(share), ofShare(share))),
    ];
  },
  axis: {
    title: 'images enter at',
    of: ({ branchPoint }) => percentText(branchPoint),
    series: ({ imageShare }, { branch }) => `${percentText(imageShare ?? branch.imageShare)} image tokens`,
  },
};
