// Where the pixels of an image go, before any pixel moves: padding, resizing, cropping.
import { letterboxPadding } from './letterbox.ts';
import type { ResolvedPreprocessing } from './preprocessing.ts';

/** The way from an image to the wanted size, in pixels. */
export interface Geometry {
  /** Padding on both sides. */
  pad: { x: number; y: number };
  /** The size that the padded image is resized to. */
  resized: { width: number; height: number };
  /** The corner of the wanted size within the resized image. */
  crop: { x: number; y: number };
}

/** Plans how a `width` × `height` image becomes the size of the settings. */
export function planGeometry(width: number, height: number, settings: ResolvedPreprocessing): Geometry {
  const target = { width: settings.width, height: settings.height };
  const aspect = target.width / target.height;
  const { left: x, top: y } =
    settings.fit === 'letterbox' ? letterboxPadding(width, height, aspect) : { left: 0, top: 0 };
  const padded = { width: width + 2 * x, height: height + 2 * y };
  if (settings.fit !== 'crop' && settings.shortestEdge === null)
    return { pad: { x, y }, resized: target, crop: { x: 0, y: 0 } };
  const resized = cover(padded, target, settings.shortestEdge);
  const centre = settings.centring === 'torchvision' ? roundHalfEven : Math.floor;
  return {
    pad: { x, y },
    resized,
    crop: { x: centre((resized.width - target.width) / 2), y: centre((resized.height - target.height) / 2) },
  };
}

/** The size that keeps the shape and covers the target: its shorter side is `shortestEdge`, or just long enough. */
function cover(
  image: { width: number; height: number },
  target: { width: number; height: number },
  shortestEdge: number | null,
): { width: number; height: number } {
  const byWidth =
    shortestEdge === null ? image.width * target.height <= image.height * target.width : image.width <= image.height;
  if (byWidth) {
    const width = shortestEdge ?? target.width;
    return { width, height: Math.trunc((width * image.height) / image.width) };
  }
  const height = shortestEdge ?? target.height;
  return { width: Math.trunc((height * image.width) / image.height), height };
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
