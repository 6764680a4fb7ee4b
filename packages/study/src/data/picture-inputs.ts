import { decodeImage } from '@vlm/image-patcher';
import type { FeatureTable } from './features.ts';

/** What stands behind the placeholders of a picture in a training item. */
export interface PictureInputs {
  /** Placeholders of one picture. */
  readonly patches: number;
  /** Whether the picture with this key (`captions/train/KEY`) can be shown. */
  has(key: string): boolean;
  /** float32 [patches, width] features, or [S, S, 3] pixels for a model that encodes pictures itself. */
  of(key: string, image: Uint8Array): Float32Array | Promise<Float32Array>;
}

/** How pictures are made fit for the study's own encoder. */
export const ownPreprocessing = (size: number) =>
  ({ size, fit: 'letterbox', normalisation: 'minus-one-to-one' }) as const;

/**
 * Pictures as pixels in [−1, 1], decoded as they are read. Shown are those that the table of features has, so that every arm trains on the same
 * items in the same order, whatever becomes of its encoder.
 */
export function pixelInputs({ patches, has }: FeatureTable, imageSize: number): PictureInputs {
  return {
    patches,
    has,
    async of(key, image) {
      return (await decodeImage(image, { ...ownPreprocessing(imageSize), name: key })).pixels_HWC;
    },
  };
}

/** The same places with nothing behind them, for counting batches. */
export function blankInputs({ patches, has }: PictureInputs, values: number): PictureInputs {
  const blank = new Float32Array(values);
  return { patches, has, of: () => blank };
}
