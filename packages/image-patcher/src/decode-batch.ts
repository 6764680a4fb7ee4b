import { availableParallelism } from 'node:os';
import { type DecodeLimits, decodeRgb } from './decode-image.ts';
import { isImageProblem, PatcherError } from './patcher-error.ts';
import type { ResolvedPreprocessing } from './preprocessing.ts';

/** Which images, what errors call them, and who is told of broken ones. */
export interface DecodeBatchOptions {
  limits: DecodeLimits;
  names?: readonly string[] | undefined;
  /** Told of each broken image, whose place stays undefined. Without it the first one is thrown. */
  onBroken?: ((problem: PatcherError) => void) | undefined;
}

/** Images decoded at once: enough for every core, few enough that huge ones do not fill the memory together. */
const AT_ONCE = 2 * availableParallelism();

/**
 * Decodes the images `first` to `last − 1` side by side.
 *
 * @param finish what becomes of each [H, W, 3] of 8-bit sRGB
 * @throws {PatcherError} about the first broken image, with its index, unless `onBroken` is given
 */
export async function decodeBatch<T>(
  images: readonly Uint8Array[],
  [first, last]: readonly [number, number],
  settings: ResolvedPreprocessing,
  { limits, names, onBroken }: DecodeBatchOptions,
  finish: (rgb_HWC: Uint8Array) => T,
): Promise<(T | undefined)[]> {
  const results: (T | undefined)[] = Array.from({ length: last - first });
  const problems: PatcherError[] = [];
  let next = first;
  let failure: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < last && failure === undefined) {
      const index = next++;
      try {
        const { rgb_HWC } = await decodeRgb(images[index]!, settings, {
          ...limits,
          name: names?.[index] ?? `image ${index}`,
        });
        results[index - first] = finish(rgb_HWC);
      } catch (error) {
        if (!isImageProblem(error)) failure ??= { error };
        else problems.push(new PatcherError(error.code, error.message, { cause: error.cause, index }));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, last - first) }, lane));
  if (failure) throw failure.error;
  problems.sort((a, b) => a.index! - b.index!);
  if (problems.length > 0 && onBroken === undefined) throw problems[0]!;
  for (const problem of problems) onBroken?.(problem);
  return results;
}
