import { against, lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

export const encoder: Sweep = {
  question: 'Does it matter what the model looks through?',
  answers: 'Table 6, with the encoders that this study can train',
  fixed: 'branch point 80 %, captions, lengths; the main run is shared',
  arms: () =>
    (['cnn', 'bare-patches'] as const).map((kind) => ({
      ...paperArm(lateBranchPoint),
      id: `encoder-${kind}`,
      changes: { encoder: { kind } },
    })),
  pairs: (recipe) => against('encoder-cnn', encoder.arms(recipe)),
  axis: {
    title: 'encoder',
    of: ({ changes }, recipe) => changes?.encoder?.kind ?? recipe.encoder.kind,
    isNominal: true,
  },
};
