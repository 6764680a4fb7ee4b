import { decodeImage, type ImageEncoder, isImageProblem } from '@vlm/image-patcher';
import type { Recipe } from '../recipe.ts';
import type { FeatureTable } from './features.ts';

type BrokenImages = Recipe['data']['brokenImages'];

/** What stands behind the placeholders of a picture in a training item. */
export interface PictureInputs {
  /** Placeholders of one picture. */
  readonly patches: number;
  /** Whether the picture with this key (`captions/train/KEY`) can be shown, as far as that is known before it is decoded. */
  has(key: string): boolean;
  /**
   * float32 [patches, width] features, or [S, S, 3] pixels for a model that encodes pictures itself; undefined for a picture that does not decode,
   * where such pictures are left out.
   */
  of(key: string, image: Uint8Array): Float32Array | Promise<Float32Array | undefined>;
  /** Set where pictures are decoded as they are read: their bytes are needed, and some may turn out broken. */
  readonly decodes?: true;
}

/** How pictures are made fit for the study's own encoder. */
export const ownPreprocessing = (size: number) =>
  ({ size, fit: 'letterbox', normalisation: 'minus-one-to-one' }) as const;

/**
 * Pictures as pixels in [−1, 1], decoded as they are read. Shown are those that the table of features has, so that every arm trains on the same
 * items in the same order, whatever becomes of its encoder.
 */
export function pixelInputs({ patches, has }: FeatureTable, imageSize: number): PictureInputs {
  return { patches, has, of: (key, image) => pixels(key, image, imageSize), decodes: true };
}

/** The same without a table that says which pictures decode. */
export function uncheckedPixelInputs(patches: number, imageSize: number, broken: BrokenImages): PictureInputs {
  return {
    patches,
    has: () => true,
    of: (key, image) => unlessBroken(broken, () => pixels(key, image, imageSize)),
    decodes: true,
  };
}

/**
 * Features that are computed as pictures are read and kept nowhere. Each picture goes through the encoder by itself: in a batch its bits could depend
 * on its company, which after a resumption is another.
 */
export function encodedInputs(encoder: ImageEncoder, broken: BrokenImages): PictureInputs {
  return {
    patches: encoder.patches,
    has: () => true,
    of: (key, image) => unlessBroken(broken, async () => (await encoder.encode([image], { names: [key] }))[0]!),
    decodes: true,
  };
}

/** The same places with nothing behind them, for counting batches; pictures that would be left out are, which is known by decoding them. */
export function blankInputs(
  { patches, has, decodes }: PictureInputs,
  values: number,
  broken: BrokenImages,
): PictureInputs {
  const blank = new Float32Array(values);
  if (!decodes || broken === 'error') return { patches, has, of: () => blank };
  const smallest = 8;
  return {
    patches,
    has,
    of: async (key, image) => ((await unlessBroken(broken, () => pixels(key, image, smallest))) ? blank : undefined),
    decodes,
  };
}

async function pixels(name: string, image: Uint8Array, size: number): Promise<Float32Array> {
  return (await decodeImage(image, { ...ownPreprocessing(size), name })).pixels_HWC;
}

async function unlessBroken<T>(broken: BrokenImages, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (broken === 'error' || !isImageProblem(error)) throw error;
    return undefined;
  }
}
