import { createHash } from 'node:crypto';
import { decodeBatch } from './decode-batch.ts';
import { type DecodeLimits, normalisationTable, resolveLimits } from './decode-image.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { type PatchOptions, patchGrid, patchifyRgb } from './patchify.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';

/**
 * The patches themselves as features (Fuyu's way, the paper's "patch projection"): no encoder, `[P, p·p·3]` normalised pixels.
 *
 * @throws {PatcherError} `invalid-argument`
 *
 * @example
 * const encoder = barePatches({ size: 64, patch: 16, fit: 'squash', normalisation: 'minus-one-to-one' }); // 16 × 768
 */
export function barePatches(options: Preprocessing & DecodeLimits & PatchOptions & { patch: number }): ImageEncoder {
  const settings = resolvePreprocessing(options);
  const limits = resolveLimits(options);
  const { patch, remainder = 'error' } = options;
  const { columns, rows } = patchGrid(settings, patch, { remainder });
  const table = normalisationTable(settings);
  const identity = JSON.stringify({ patch, remainder, settings });
  return {
    id: `patches-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`,
    patches: columns * rows,
    width: patch * patch * 3,
    encode: (images, { names, onBroken } = {}) =>
      decodeBatch(images, [0, images.length], settings, { limits, names, onBroken }, (rgb_HWC) =>
        patchifyRgb(rgb_HWC, table, settings, patch, { remainder }),
      ),
  };
}
