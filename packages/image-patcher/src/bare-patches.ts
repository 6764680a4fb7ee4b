import { createHash } from 'node:crypto';
import { decodeBatch } from './decode-batch.ts';
import type { DecodeLimits } from './decode-image.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { patchesPerSide, patchify } from './patchify.ts';
import { type Preprocessing, resolvePreprocessing } from './preprocessing.ts';

/**
 * The patches themselves as features (Fuyu's way, the paper's "patch projection"): no encoder, `[P, p·p·3]` normalised pixels.
 *
 * @example
 * const encoder = barePatches({ size: 64, patch: 16, fit: 'squash', normalisation: 'minus-one-to-one' }); // 16 × 768
 */
export function barePatches(options: Preprocessing & DecodeLimits & { patch: number }): ImageEncoder {
  const settings = resolvePreprocessing(options);
  const { patch } = options;
  const side = patchesPerSide(settings.size, patch);
  return {
    id: `patches-${createHash('sha256').update(JSON.stringify({ patch, settings })).digest('hex').slice(0, 16)}`,
    patches: side * side,
    width: patch * patch * 3,
    async encode(images, { names } = {}) {
      const features: Float32Array[] = [];
      for (let first = 0; first < images.length; first += 64) {
        const batch = images.slice(first, first + 64);
        for (const pixels_HWC of await decodeBatch(batch, settings, options, names, first))
          features.push(patchify(pixels_HWC, settings.size, patch));
      }
      return features;
    },
  };
}
