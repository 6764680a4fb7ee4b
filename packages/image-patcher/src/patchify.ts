// Legend: H W image side (pixels), C = 3 channels, P patches, p patch side (pixels), D = p·p·3.
import { PatcherError } from './patcher-error.ts';

/** Patches along one side. @throws {PatcherError} `invalid-argument` unless `patch` divides `size` */
export function patchesPerSide(size: number, patch: number): number {
  if (!Number.isSafeInteger(patch) || patch < 1 || size % patch !== 0)
    throw new PatcherError(
      'invalid-argument',
      `Expected a patch side that divides the image side of ${size} pixels, got ${patch}.`,
    );
  return size / patch;
}

/**
 * Cuts a square image into patches, row by row; within a patch pixels row by row, channels last.
 *
 * @param pixels_HWC [size, size, 3]
 * @returns [P, p·p·3]
 */
export function patchify(pixels_HWC: Float32Array, size: number, patch: number): Float32Array {
  return rearrange(pixels_HWC, size, patch, (patches, image, from, to, length) => {
    patches.set(image.subarray(from, from + length), to);
  });
}

/** The inverse of {@link patchify}. @param patches_PD [P, p·p·3] @returns [size, size, 3] */
export function unpatchify(patches_PD: Float32Array, size: number, patch: number): Float32Array {
  return rearrange(patches_PD, size, patch, (image, patches, to, from, length) => {
    image.set(patches.subarray(from, from + length), to);
  });
}

/** Visits every row of every patch: its place in the image, its place among the patches, its length. */
function rearrange(
  input: Float32Array,
  size: number,
  patch: number,
  copy: (out: Float32Array, input: Float32Array, inImage: number, inPatches: number, length: number) => void,
): Float32Array {
  const side = patchesPerSide(size, patch);
  if (input.length !== size * size * 3)
    throw new PatcherError(
      'invalid-argument',
      `Expected ${size} × ${size} × 3 = ${size * size * 3} numbers, got ${input.length}.`,
    );
  const out = new Float32Array(input.length);
  const length = patch * 3;
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++)
      for (let y = 0; y < patch; y++) {
        const inImage = ((row * patch + y) * size + column * patch) * 3;
        const inPatches = ((row * side + column) * patch + y) * length;
        copy(out, input, inImage, inPatches, length);
      }
  return out;
}
