// Legend: H W image height and width (pixels), C = 3 channels, P patches, p patch side (pixels), D = p·p·3.
import { PatcherError } from './patcher-error.ts';
import { type ImageSize, resolveSize } from './preprocessing.ts';

/** What becomes of pixels at the right and the bottom where the patch does not divide the image. */
export interface PatchOptions {
  /** `error` unless given; `crop` leaves them out, as a convolution with stride p does (SigLIP so400m: 384 / 14 gives 27 × 27); `pad` fills the last patches up with zeros. */
  remainder?: 'error' | 'crop' | 'pad';
}

/** Columns and rows of patches. @throws {PatcherError} `invalid-argument` where the patch does not divide the size and nothing else was chosen */
export function patchGrid(
  size: number | ImageSize,
  patch: number,
  { remainder = 'error' }: PatchOptions = {},
): { columns: number; rows: number } {
  const { width, height } = resolveSize(size);
  const fits = Number.isSafeInteger(patch) && patch >= 1;
  if (!fits || (remainder === 'error' && (width % patch !== 0 || height % patch !== 0)))
    throw new PatcherError(
      'invalid-argument',
      `Expected a patch side that divides the image of ${width} × ${height} pixels, got ${patch}; for others set remainder to crop or pad.`,
    );
  if (!['error', 'crop', 'pad'].includes(remainder))
    throw new PatcherError('invalid-argument', `Expected remainder to be error, crop or pad, got ${remainder}.`);
  const count = remainder === 'pad' ? Math.ceil : Math.floor;
  const [columns, rows] = [count(width / patch), count(height / patch)];
  if (columns * rows === 0)
    throw new PatcherError(
      'invalid-argument',
      `Expected an image of at least one patch of ${patch}, got ${width} × ${height}.`,
    );
  return { columns, rows };
}

/**
 * Cuts an image into patches, row by row; within a patch pixels row by row, channels last.
 *
 * @param pixels_HWC [H, W, 3]
 * @param size H = W, or width and height
 * @returns [P, p·p·3]
 * @throws {PatcherError} `invalid-argument`
 */
export function patchify(
  pixels_HWC: Float32Array,
  size: number | ImageSize,
  patch: number,
  options: PatchOptions = {},
): Float32Array {
  const { columns, rows } = patchGrid(size, patch, options);
  const image = resolveSize(size);
  checkLength(pixels_HWC.length, [image.height, image.width, 3]);
  const patches_PD = new Float32Array(columns * rows * patch * patch * 3);
  eachRun(image, patch, columns, rows, (inImage, inPatches, length) => {
    patches_PD.set(pixels_HWC.subarray(inImage, inImage + length), inPatches);
  });
  return patches_PD;
}

/**
 * The inverse of {@link patchify}: exact, except that pixels left out by `crop` come back as zeros.
 *
 * @param patches_PD [P, p·p·3]
 * @returns [H, W, 3]
 */
export function unpatchify(
  patches_PD: Float32Array,
  size: number | ImageSize,
  patch: number,
  options: PatchOptions = {},
): Float32Array {
  const { columns, rows } = patchGrid(size, patch, options);
  const image = resolveSize(size);
  checkLength(patches_PD.length, [columns * rows, patch, patch, 3]);
  const pixels_HWC = new Float32Array(image.height * image.width * 3);
  eachRun(image, patch, columns, rows, (inImage, inPatches, length) => {
    pixels_HWC.set(patches_PD.subarray(inPatches, inPatches + length), inImage);
  });
  return pixels_HWC;
}

/** {@link patchify} from bytes, normalised on the way: one pass in place of two. @param table value of each byte per channel, [3, 256] */
export function patchifyRgb(
  rgb_HWC: Uint8Array,
  table: Float32Array,
  image: ImageSize,
  patch: number,
  options: PatchOptions = {},
): Float32Array {
  const { columns, rows } = patchGrid(image, patch, options);
  const patches_PD = new Float32Array(columns * rows * patch * patch * 3);
  eachRun(image, patch, columns, rows, (inImage, inPatches, length) => {
    normaliseRun(rgb_HWC, inImage, patches_PD, inPatches, length, table);
  });
  return patches_PD;
}

/** A run of pixels [.., 3] through the table of their channel. */
export function normaliseRun(
  rgb: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  length: number,
  table: Float32Array,
): void {
  for (let i = 0; i < length; i += 3) {
    out[to + i] = table[rgb[from + i]!]!;
    out[to + i + 1] = table[256 + rgb[from + i + 1]!]!;
    out[to + i + 2] = table[512 + rgb[from + i + 2]!]!;
  }
}

function checkLength(length: number, shape: number[]): void {
  const expected = shape.reduce((a, b) => a * b);
  if (length !== expected)
    throw new PatcherError('invalid-argument', `Expected ${shape.join(' × ')} = ${expected} numbers, got ${length}.`);
}

/** Visits every row of every patch as far as it lies in the image: its place there, its place among the patches, its length. */
function eachRun(
  { width, height }: ImageSize,
  patch: number,
  columns: number,
  rows: number,
  visit: (inImage: number, inPatches: number, length: number) => void,
): void {
  for (let row = 0; row < rows; row++)
    for (let y = 0; y < Math.min(patch, height - row * patch); y++)
      for (let column = 0; column < columns; column++) {
        const x = column * patch;
        const inImage = ((row * patch + y) * width + x) * 3;
        const inPatches = ((row * columns + column) * patch + y) * patch * 3;
        visit(inImage, inPatches, Math.min(patch, width - x) * 3);
      }
}
