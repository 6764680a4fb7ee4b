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
   * @returns per image [P, F]
   * @throws {PatcherError} about the first image that cannot be decoded, with its `index`
   */
  encode(images: readonly Uint8Array[], options?: { names?: readonly string[] }): Promise<Float32Array[]>;
}
