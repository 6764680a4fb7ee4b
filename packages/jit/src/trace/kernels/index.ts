import type { Lowerings } from '../lowering.ts';
import { blockLowerings } from './blocks.ts';
import { constantLowerings } from './constants.ts';
import { convolutionLowerings } from './convolution.ts';
import { countingLowerings } from './counting.ts';
import { dilationLowerings } from './dilation.ts';
import { elementwiseLowerings } from './elementwise.ts';
import { imageLowerings } from './images.ts';
import { indexingLowerings } from './indexing.ts';
import { matMulLowerings } from './matmul.ts';
import { normalisationLowerings } from './normalisation.ts';
import { poolingLowerings } from './pooling.ts';
import { reductionLowerings } from './reductions.ts';
import { structureLowerings } from './structure.ts';
import { trigonometryLowerings } from './trigonometry.ts';

/** How each tfjs kernel becomes ONNX. A kernel that is not here is an error that names it. */
export const lowerings: Lowerings = {
  ...elementwiseLowerings,
  ...reductionLowerings,
  ...structureLowerings,
  ...indexingLowerings,
  ...constantLowerings,
  ...matMulLowerings,
  ...convolutionLowerings,
  ...poolingLowerings,
  ...normalisationLowerings,
  ...imageLowerings,
  ...dilationLowerings,
  ...blockLowerings,
  ...countingLowerings,
  ...trigonometryLowerings,
};
