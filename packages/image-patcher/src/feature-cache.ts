/** Features by the content of the image file. One cache belongs to one encoder. */
export interface FeatureCache {
  /** Number of images. */
  readonly size: number;
  /** @param key from {@link contentKey} @returns [P, F], or undefined */
  get(key: string): Promise<Float32Array | undefined>;
  has(key: string): boolean;
  /** Remembers features; on disk at the latest after {@link FeatureCache.flush}. */
  set(key: string, features: Float32Array): Promise<void>;
  /** Writes what is not yet on disk. What a failed write held waits for the next. */
  flush(): Promise<void>;
  /** Flushes and lets go of files, also where the flush fails. */
  close(): Promise<void>;
}
