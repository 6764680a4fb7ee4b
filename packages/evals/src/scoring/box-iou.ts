import { EvalsError } from '../errors.ts';
import type { Box } from '../types.ts';
import { pythonRound2 } from './python-text.ts';

/**
 * Intersection over union of two boxes `[x1, y1, x2, y2]`; 0 for boxes without area. The order of operations is the reference's
 * (vlm-evaluation `refcoco.py`), so that a box at exactly one half counts there and here.
 * @example boxIou([0, 0, 1, 1], [0, 0, 1, 0.5]) // 0.5
 */
export function boxIou(a: Box, b: Box): number {
  const left = Math.max(a[0], b[0]);
  const top = Math.max(a[1], b[1]);
  const right = Math.min(a[2], b[2]);
  const bottom = Math.min(a[3], b[3]);
  if (right < left || bottom < top) return 0;
  const intersection = (right - left) * (bottom - top);
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection;
  return union === 0 ? 0 : intersection / union;
}

/**
 * A COCO box in pixels `[x, y, width, height]` as shares of the image with two digits, Python's rounding.
 * @param imageSize `[width, height]` in pixels
 * @throws EvalsError INVALID_ITEM for a box without area or beyond the right or lower edge, as the reference refuses it
 * @example boxFromXywh([80, 60, 320, 240], [640, 480]) // [0.12, 0.12, 0.62, 0.62]
 */
export function boxFromXywh(xywh: Box, imageSize: readonly [number, number]): [number, number, number, number] {
  const [x, y, w, h] = xywh;
  const [width, height] = imageSize;
  if (!(w > 0 && x + w <= width && h > 0 && y + h <= height))
    throw new EvalsError(
      'INVALID_ITEM',
      `Box: expected [x, y, width, height] with an area inside ${width}×${height}, got ${JSON.stringify(xywh)}.`,
    );
  return [
    pythonRound2(x / width),
    pythonRound2(y / height),
    pythonRound2((x + w) / width),
    pythonRound2((y + h) / height),
  ];
}
