import type { Arm } from '../recipe.ts';
import { against, lateBranchPoint, paperArm, type Sweep } from './sweep.ts';

type How = 'frozen' | 'trained';

const arm = (id: string, branch: How, finetune: How, encoderLrScale = 1): Arm => {
  const scale = (how: How) => ({ encoder: how, ...(how === 'trained' ? { encoderLrScale } : {}) });
  return { ...paperArm(lateBranchPoint), id, changes: { branch: scale(branch), finetune: scale(finetune) } };
};

/** The rate at which an encoder learns is a choice of its own: at a tenth as well, so that an untuned rate is not taken for the answer. */
const slowScale = 0.1;

export const frozen: Sweep = {
  question: 'Should the image encoder learn with the decoder, and in which phase?',
  answers: 'Table 4',
  fixed:
    'branch point 80 %, data and its order, lengths; each trained encoder begins as the frozen one, and answers are given through the arm’s own',
  arms: () => [
    arm('encoder-frozen', 'frozen', 'frozen'),
    arm('encoder-trained-2', 'trained', 'frozen'),
    arm('encoder-trained-3', 'frozen', 'trained'),
    arm('encoder-trained-2-3', 'trained', 'trained'),
    arm('encoder-trained-2-3-slowly', 'trained', 'trained', slowScale),
  ],
  problem: ({ encoder }) =>
    encoder.kind === 'cnn'
      ? undefined
      : `it trains the encoder, and one of kind "${encoder.kind}" cannot be trained; it needs "cnn".`,
  pairs: (recipe) => against('encoder-frozen', frozen.arms(recipe)),
  axis: {
    title: 'phases in which the encoder trains',
    isNominal: true,
    of: ({ changes }) => {
      const phases = [
        ...(changes?.branch?.encoder === 'trained' ? ['2'] : []),
        ...(changes?.finetune?.encoder === 'trained' ? ['3'] : []),
      ];
      const rate = changes?.finetune?.encoderLrScale ?? changes?.branch?.encoderLrScale ?? 1;
      return `${phases.join(' and ') || 'none'}${rate === 1 ? '' : `, × ${rate}`}`;
    },
  },
};
