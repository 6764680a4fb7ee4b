import type { FeatureTable } from '../data/features.ts';
import { encodedInputs, type PictureInputs, pixelInputs, uncheckedPixelInputs } from '../data/picture-inputs.ts';
import type { Recipe } from '../recipe.ts';
import type { PhaseContext } from '../run-phase.ts';
import { openEncoder } from './features.ts';
import type { TrainableEncoder } from './own-encoder.ts';

/** Settings of a training phase whose pictures are in no table. */
export interface WhenRead {
  features?: 'when-read';
  brokenImages?: Recipe['data']['brokenImages'];
  threads: number;
}

/** What a training phase is shown: features from the table, features made as pictures are read, or pixels for an encoder of the model's own. */
export async function openPictures(
  context: Pick<PhaseContext, 'parent'>,
  { features, brokenImages = 'error', threads }: WhenRead,
  table: FeatureTable,
  own: TrainableEncoder | undefined,
): Promise<PictureInputs> {
  const isStored = features !== 'when-read';
  if (own) {
    const { imageSize } = own.config;
    return isStored ? pixelInputs(table, imageSize) : uncheckedPixelInputs(table.patches, imageSize, brokenImages);
  }
  return isStored ? table : encodedInputs(await openEncoder(context.parent('encoder'), threads), brokenImages);
}
