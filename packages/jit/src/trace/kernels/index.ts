import type { Lowerings } from '../lowering.ts';
import { constantLowerings } from './constants.ts';
import { convolutionLowerings } from './convolution.ts';
import { elementwiseLowerings } from './elementwise.ts';
import { indexingLowerings } from './indexing.ts';
import { matMulLowerings } from './matmul.ts';
import { poolingLowerings } from './pooling.ts';
import { reductionLowerings } from './reductions.ts';
import { structureLowerings } from './structure.ts';

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
};
