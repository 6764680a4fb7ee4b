import { paperArm, percentText, type Sweep } from './sweep.ts';
import { branchPoints } from './timing.ts';

export const blind: Sweep = {
  question: 'How much of a score needs the picture, and how much of it phase 2’s pictures?',
  answers:
    'a control that the paper left out: each arm beside its twin whose phase 2 is text alone, both also asked blind',
  fixed: 'everything but the image share; every arm is asked with its picture, without, and with another one',
  arms: () =>
    branchPoints.flatMap((point) => [
      paperArm(point),
      { ...paperArm(point), id: `blind-${100 * point}`, imageShare: 0 },
    ]),
  pairs: () => branchPoints.map((point) => [paperArm(point).id, `blind-${100 * point}`] as const),
  axis: {
    title: 'images enter at',
    of: ({ branchPoint }) => percentText(branchPoint),
    series: ({ imageShare }) => (imageShare === 0 ? 'phase 2 of text alone' : 'phase 2 with images'),
  },
};
