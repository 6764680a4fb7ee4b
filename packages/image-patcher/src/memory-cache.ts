import type { FeatureCache } from './feature-cache.ts';

/** A cache that lives as long as the process. */
export function memoryCache(): FeatureCache {
  const features = new Map<string, Float32Array>();
  return {
    get size() {
      return features.size;
    },
    has: (key) => features.has(key),
    get: async (key) => features.get(key)?.slice(),
    set: async (key, value) => {
      features.set(key, value.slice());
    },
    flush: async () => {},
    close: async () => {},
  };
}
