import { contentKey } from './content-key.ts';
import type { FeatureCache } from './feature-cache.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { PatcherError } from './patcher-error.ts';

/**
 * The same encoder, asked only for images that the cache does not know. The same image twice in a call is encoded once.
 *
 * @example
 * const encoder = cachedEncoder(barePatches(settings), memoryCache());
 */
export function cachedEncoder(encoder: ImageEncoder, cache: FeatureCache): ImageEncoder {
  return {
    id: encoder.id,
    patches: encoder.patches,
    width: encoder.width,
    async encode(images, { names } = {}) {
      const keys = images.map(contentKey);
      const missing = new Map<string, number>();
      keys.forEach((key, i) => {
        if (!cache.has(key) && !missing.has(key)) missing.set(key, i);
      });
      const places = [...missing.values()];
      if (places.length > 0) {
        const made = await encodeMissing(encoder, images, places, names);
        for (const [i, key] of [...missing.keys()].entries()) await cache.set(key, made[i]!);
      }
      const features = await Promise.all(keys.map((key) => cache.get(key)));
      return features.map((each, i) => {
        if (each === undefined) throw new PatcherError('broken-cache', `The cache lost the features of image ${i}.`);
        return each;
      });
    },
  };
}

async function encodeMissing(
  encoder: ImageEncoder,
  images: readonly Uint8Array[],
  places: readonly number[],
  names: readonly string[] | undefined,
): Promise<Float32Array[]> {
  try {
    return await encoder.encode(
      places.map((i) => images[i]!),
      { names: places.map((i) => names?.[i] ?? `image ${i}`) },
    );
  } catch (error) {
    if (!PatcherError.isInstance(error) || error.index === undefined) throw error;
    throw new PatcherError(error.code, error.message, { cause: error.cause, index: places[error.index]! });
  }
}
