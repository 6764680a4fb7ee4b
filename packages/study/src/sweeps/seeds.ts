import { against, lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

/** The paper's: 124 for phase 2, 7 and 365 for fine-tuning. */
const paperSeeds = [124, 7, 365];

export const seeds: Sweep = {
  question: 'How much do scores move when only chance does?',
  answers: 'Table 7, and every arm of the study at three seeds',
  fixed: 'every setting; the arms named finetune-seed share all but fine-tuning',
  seeds: paperSeeds,
  arms: () =>
    paperSeeds.map((seed) => ({
      ...paperArm(lateBranchPoint),
      id: `finetune-seed-${seed}`,
      finetuneSeed: seed,
    })),
  pairs: (recipe) => against(`finetune-seed-${paperSeeds[0]}`, seeds.arms(recipe)),
  axis: { title: 'seed of fine-tuning', of: ({ finetuneSeed }) => `${finetuneSeed}`, isNominal: true },
};
