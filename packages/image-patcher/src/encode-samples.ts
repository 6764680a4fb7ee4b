import type { ImageEncoder } from './image-encoder.ts';
import { isImageProblem, type PatcherError } from './patcher-error.ts';

/** An image file with the name that problems are reported under. */
export interface ImageSample {
  name: string;
  bytes: Uint8Array;
}

/** What happens to images that cannot be decoded: the first stops everything, or each is reported and left out. */
export type BrokenImagePolicy = 'error' | ((problem: { name: string; error: PatcherError }) => void);

/** What {@link encodeSamples} returns. */
export interface EncodedSamples {
  /** Per sample [P, F], or undefined where the image is broken. */
  features: (Float32Array | undefined)[];
  /** Number of broken images. */
  broken: number;
}

/** Samples per call of the encoder: what is done again when one of them is broken. */
const CHUNK = 128;

/**
 * Encodes samples under a policy for broken images.
 *
 * @throws {PatcherError} about the first broken image under the policy `error`; anything that is not an image's fault under both
 */
export async function encodeSamples(
  encoder: ImageEncoder,
  samples: readonly ImageSample[],
  options: { onBroken?: BrokenImagePolicy } = {},
): Promise<EncodedSamples> {
  const { onBroken = 'error' } = options;
  const features: (Float32Array | undefined)[] = samples.map(() => undefined);
  let broken = 0;
  for (let first = 0; first < samples.length; first += CHUNK) {
    let left = samples.slice(first, first + CHUNK).map((_, i) => first + i);
    while (left.length > 0) {
      try {
        const made = await encoder.encode(
          left.map((i) => samples[i]!.bytes),
          { names: left.map((i) => samples[i]!.name) },
        );
        for (const [i, sample] of left.entries()) features[sample] = made[i]!;
        break;
      } catch (error) {
        if (onBroken === 'error' || !isImageProblem(error) || error.index === undefined) throw error;
        const bad = left[error.index]!;
        onBroken({ name: samples[bad]!.name, error });
        broken++;
        left = left.filter((i) => i !== bad);
      }
    }
  }
  return { features, broken };
}
