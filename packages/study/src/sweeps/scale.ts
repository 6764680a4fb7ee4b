import type { Recipe } from '../recipe.ts';
import { lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

export const scale: Sweep = {
  question: 'Does the answer depend on the size of the model and the length of phase 2?',
  answers: 'App. G (token multipliers 1, 2, 4) and the sizes of Fig. 4',
  fixed: 'data, learning rates, shares; a smaller model has a main run of its own',
  arms: (recipe) => [
    ...[1, 2, 4].map((multiplier) => ({
      ...paperArm(lateBranchPoint),
      id: `tokens-x${multiplier}`,
      tokens: multiplier * recipe.branch.tokens,
    })),
    ...[lateBranchPoint, 1].map((point) => ({
      ...paperArm(point),
      id: `half-width-${100 * point}`,
      changes: { model: halfWidth(recipe.model) },
    })),
  ],
  pairs: () => [
    ['tokens-x2', 'tokens-x1'],
    ['tokens-x4', 'tokens-x1'],
    [`half-width-${100 * lateBranchPoint}`, 'half-width-100'],
  ],
  axis: { title: 'arm', of: ({ id }) => id, isNominal: true },
};

/** Half as wide: as many heads, of half the width. */
function halfWidth({ dim, heads, hidden }: Recipe['model']): Partial<Recipe['model']> {
  return {
    dim: Math.ceil(dim / (2 * heads)) * heads,
    ...(hidden === undefined ? {} : { hidden: Math.ceil(hidden / 2) }),
  };
}
