import type { RGB } from './preprocessing.ts';

/** Padding that brings an image (nearly) to a shape, in pixels. */
export interface LetterboxPadding {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Size with the padding: one pixel short where the difference is odd. */
  width: number;
  height: number;
}

/**
 * Padding as prismatic-vlms has it (`LetterboxPad`): half the difference on both sides, rounded down, so an odd difference leaves the image one
 * pixel short of square; the resize that follows evens that out.
 *
 * @param aspect width / height of the wanted shape; 1 (square, as prismatic's) unless given
 */
export function letterboxPadding(width: number, height: number, aspect = 1): LetterboxPadding {
  const x = Math.floor((Math.max(width, height * aspect) - width) / 2);
  const y = Math.floor((Math.max(height, width / aspect) - height) / 2);
  return { left: x, top: y, right: x, bottom: y, width: width + 2 * x, height: height + 2 * y };
}

/** The colour of the padding: the encoder's mean colour, rounded down. */
export function letterboxFill(mean: RGB): RGB {
  return [Math.trunc(mean[0] * 255), Math.trunc(mean[1] * 255), Math.trunc(mean[2] * 255)];
}
