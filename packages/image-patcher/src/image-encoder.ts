import type { PatcherError } from './patcher-error.ts';

/** Turns image files into features: what the rest of a study sees of an image. */
export interface ImageEncoder {
  /** Changes when anything changes that features depend on (weights, settings): the key of caches. */
  readonly id: string;
  /** Features per image (P). */
  readonly patches: number;
  /** Numbers per feature (F). */
  readonly width: number;
  /**
   * @param images image files
   * @param options.names what errors call them
   * @param options.onBroken told of each image that cannot be decoded, in order, with its `index`
   * @returns per image [P, F]; undefined where the image is broken
   * @throws {PatcherError} about the first image that cannot be decoded, with its `index`, unless `onBroken` is given
   */
  encode(images: readonly Uint8Array[], options?: EncodeOptions): Promise<(Float32Array | undefined)[]>;
}

/** Options of {@link ImageEncoder.encode}. */
export interface EncodeOptions {
  names?: readonly string[] | undefined;
  onBroken?: ((problem: PatcherError) => void) | undefined;
}
