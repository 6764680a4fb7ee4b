import type { ImageEncoder } from './image-encoder.ts';
import type { PatcherError } from './patcher-error.ts';

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
  let broken = 0;
  const features = await encoder.encode(
    samples.map(({ bytes }) => bytes),
    {
      names: samples.map(({ name }) => name),
      ...(onBroken !== 'error' && {
        onBroken: (error: PatcherError) => {
          broken++;
          onBroken({ name: samples[error.index!]!.name, error });
        },
      }),
    },
  );
  return { features, broken };
}
