import { contentKey } from './content-key.ts';
import type { FeatureCache } from './feature-cache.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { PatcherError } from './patcher-error.ts';

/**
 * The same encoder, asked only for images that the cache does not know. The same image twice in a call is encoded once.
 *
 * @throws {PatcherError} from `encode`: `encoder-mismatch` for features of another size, which are not kept
 * @example
 * const encoder = cachedEncoder(barePatches(settings), memoryCache());
 */
export function cachedEncoder(encoder: ImageEncoder, cache: FeatureCache): ImageEncoder {
  return {
    id: encoder.id,
    patches: encoder.patches,
    width: encoder.width,
    async encode(images, { names, onBroken } = {}) {
      const keys = images.map(contentKey);
      const features = await Promise.all(keys.map((key) => cache.get(key)));
      /** Images that the cache does not know, by content: the first of each is encoded. */
      const missing = new Map<string, number[]>();
      features.forEach((known, i) => {
        if (known) return;
        const places = missing.get(keys[i]!);
        if (places) places.push(i);
        else missing.set(keys[i]!, [i]);
      });
      const groups = [...missing.values()];
      if (groups.length === 0) return features;
      const nameOf = (i: number): string => names?.[i] ?? `image ${i}`;
      const problems: PatcherError[] = [];
      const broken = new Set<number>();
      const made = await encoder.encode(
        groups.map(([i]) => images[i!]!),
        {
          names: groups.map(([i]) => nameOf(i!)),
          onBroken: (problem) => {
            broken.add(problem.index!);
            const [first, ...others] = groups[problem.index!]!;
            problems.push(at(problem, first!, problem.message));
            for (const i of others) problems.push(at(problem, i, `${nameOf(i)}: the same file as ${problem.message}`));
          },
        },
      );
      for (const [g, places] of groups.entries()) {
        const feature = made[g];
        if (!feature && broken.has(g)) continue;
        if (feature?.length !== encoder.patches * encoder.width) throw mismatch(encoder, nameOf(places[0]!), feature);
        await cache.set(keys[places[0]!]!, feature);
        places.forEach((i, n) => {
          features[i] = n === 0 ? feature : feature.slice();
        });
      }
      problems.sort((a, b) => a.index! - b.index!);
      if (problems.length > 0 && !onBroken) throw problems[0]!;
      for (const problem of problems) onBroken?.(problem);
      return features;
    },
  };
}

/** What goes into a cache stays there. */
function mismatch({ id, patches, width }: ImageEncoder, name: string, got: Float32Array | undefined): PatcherError {
  return new PatcherError(
    'encoder-mismatch',
    `${name}: expected ${patches} × ${width} numbers from the encoder ${id}, got ${got?.length ?? 'none, and no word of a broken image'}.`,
  );
}

function at({ code, cause }: PatcherError, index: number, message: string): PatcherError {
  return new PatcherError(code, message, { cause, index });
}
