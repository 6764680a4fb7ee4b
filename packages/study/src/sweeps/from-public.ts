import { against, percentText, type Sweep } from './sweep.ts';

export const fromPublic: Sweep = {
  question: 'Does it hold for a model that somebody else trained?',
  answers:
    'a control that the paper left out: branches from the published checkpoints of a public model, weights alone, all of them re-warmed alike',
  fixed: 'phase 2 and 3, re-warming to one peak, moments of zero; only the checkpoint differs',
  arms: ({ public: from }) =>
    (from?.checkpoints ?? []).map(({ name, at }) => ({
      id: `public-${name}`,
      branchPoint: at,
      schedule: 'rewarm',
      from: name,
    })),
  problem: ({ public: from }) =>
    from
      ? undefined
      : 'it branches from checkpoints that the recipe names under "public"; docs/real-data.md says how, examples/real-data/from-pythia.json is one.',
  pairs: (recipe) => {
    const arms = fromPublic.arms(recipe);
    const last = arms.reduce((latest, arm) => (arm.branchPoint > latest.branchPoint ? arm : latest));
    return against(last.id, arms);
  },
  axis: {
    title: 'images enter a public model at',
    of: ({ branchPoint, from }) => `${percentText(branchPoint)} (${from})`,
  },
};
