import { against, lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

export const captions: Sweep = {
  question: 'How rich must captions be?',
  answers: 'Table 5, with three ways to caption the same scenes in place of four sets of pictures',
  fixed: 'branch point 80 %, pictures, tokens of phase 2',
  arms: () => [
    { ...paperArm(lateBranchPoint), id: 'captions-sentences' },
    ...(['labels', 'tags'] as const).map((kind) => ({
      ...paperArm(lateBranchPoint),
      id: `captions-${kind}`,
      captions: kind,
    })),
  ],
  problem: ({ corpus }) =>
    corpus.preset === 'external'
      ? 'it describes the default corpus’ own scenes in three ways; captions of one’s own are what they are'
      : undefined,
  pairs: (recipe) => against('captions-sentences', captions.arms(recipe)),
  axis: { title: 'captions', of: ({ captions }) => captions ?? 'sentences', isNominal: true },
};
