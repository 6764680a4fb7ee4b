import { type ConvEncoderConfig, countParameters, encoderActivations, encoderFlops, encoderParams } from '@vlm/model';
import type { OwnEncoder } from './phase-settings.ts';
import { studyEncoder } from './phases/encoder.ts';
import type { Recipe } from './recipe.ts';

/** What a model is shown of a picture, and what it takes a frozen encoder to make it. */
export interface PictureCost {
  patches: number;
  width: number;
  flops: number;
}

/** Side of the grid of patches of the study's own encoder and of bare patches. */
const ownGrid = 4;

/**
 * The paper's encoder, SigLIP-so400m at patches of 14 and 224 pixels, read behind its last block but one (`config.json` of
 * google/siglip-so400m-patch14-224). Taken for every encoder of the hub, whose folder may not be there yet when a study is planned.
 */
const hubEncoder = { blocks: 26, width: 1152, hidden: 4304, patch: 14, grid: 16 };

export function pictureCost(encoder: Recipe['encoder'], imageSize: number): PictureCost {
  if (encoder.kind === 'hub') return hubPictureCost();
  const patches = ownGrid ** 2;
  if (encoder.kind === 'bare-patches') return { patches, width: 3 * (imageSize / ownGrid) ** 2, flops: 0 };
  const { forward } = encoderFlops(studyEncoder(encoder, imageSize));
  return { patches, width: encoder.channels.at(-1)!, flops: forward };
}

/** Two operations for each weight of a matrix and patch, and two products of attention in which every patch sees every other. */
function hubPictureCost(): PictureCost {
  const { blocks, width, hidden, patch, grid } = hubEncoder;
  const patches = grid ** 2;
  const block = patches * (4 * width * width + 2 * width * hidden) + 2 * patches * patches * width;
  return { patches, width, flops: 2 * (patches * 3 * patch * patch * width + blocks * block) };
}

/** What an arm's own encoder adds to a training phase, which runs it and may train it. */
export function ownEncoderCost(
  encoder: ConvEncoderConfig,
  own: OwnEncoder | true,
): { flops: number; memoryOf(pictures: number): number } {
  const trains = typeof own === 'object' && own.trains;
  const { forward, total } = encoderFlops(encoder);
  // Weights, gradients and two moments, as the decoder's are counted.
  const weights = 16 * countParameters(encoderParams(encoder));
  return {
    flops: trains ? total : forward,
    memoryOf: (most) => weights + (trains ? encoderActivations(encoder, most) : 0),
  };
}
