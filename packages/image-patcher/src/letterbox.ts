import type { RGB } from './preprocessing.ts';

/** Padding that makes an image (nearly) square, in pixels. */
export interface LetterboxPadding {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Size with the padding: one pixel short of square where the difference is odd. */
  width: number;
  height: number;
}

/**
 * Padding as prismatic-vlms has it (`LetterboxPad`): half the difference on both sides, rounded down, so an odd difference leaves the image one
 * pixel short of square; the resize that follows evens that out.
 */
export function letterboxPadding(width: number, height: number): LetterboxPadding {
  const side = Math.max(width, height);
  const x = Math.floor((side - width) / 2);
  const y = Math.floor((side - height) / 2);
  return { left: x, top: y, right: x, bottom: y, width: width + 2 * x, height: height + 2 * y };
}

/** The colour of the padding: the encoder's mean colour, rounded down. */
export function letterboxFill(mean: RGB): RGB {
  return [Math.trunc(mean[0] * 255), Math.trunc(mean[1] * 255), Math.trunc(mean[2] * 255)];
}
