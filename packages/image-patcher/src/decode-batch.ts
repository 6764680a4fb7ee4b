import { type DecodeLimits, decodeRgb, normalise } from './decode-image.ts';
import { PatcherError } from './patcher-error.ts';
import type { ResolvedPreprocessing } from './preprocessing.ts';

/** Decodes images side by side. @returns per image [size, size, 3] normalised @throws {PatcherError} about the first broken one */
export async function decodeBatch(
  images: readonly Uint8Array[],
  settings: ResolvedPreprocessing,
  limits: DecodeLimits,
  names: readonly string[] | undefined,
  firstIndex = 0,
): Promise<Float32Array[]> {
  const results = await Promise.allSettled(
    images.map((bytes, i) =>
      decodeRgb(bytes, settings, { ...limits, name: names?.[firstIndex + i] ?? `image ${firstIndex + i}` }),
    ),
  );
  return results.map((result, i) => {
    if (result.status === 'fulfilled') return normalise(result.value.rgb_HWC, settings);
    const { reason } = result;
    if (!PatcherError.isInstance(reason)) throw reason;
    throw new PatcherError(reason.code, reason.message, { cause: reason.cause, index: firstIndex + i });
  });
}
