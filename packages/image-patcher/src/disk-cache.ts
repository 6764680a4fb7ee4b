import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CacheFileIndex,
  type CacheIdentity,
  encodeCacheFile,
  readCachedFeatures,
  readCacheIndex,
} from './cache-file.ts';
import type { FeatureCache } from './feature-cache.ts';
import type { ImageEncoder } from './image-encoder.ts';
import { isBrokenCache, PatcherError } from './patcher-error.ts';

/** Options of {@link featureCache}. */
export interface FeatureCacheOptions {
  /** Images per file; 1024 unless given. */
  imagesPerFile?: number;
  /** A damaged file on opening: an error, or a function that is told and goes on without the file's features. */
  onBroken?: 'error' | ((problem: PatcherError) => void);
}

interface OpenFile {
  path: string;
  handle: FileHandle;
  index: CacheFileIndex;
}

/**
 * Opens (or begins) a cache of features on disk, in a folder of its own per encoder below `directory`. Files are written beside and renamed into place
 * whole, and never changed: several processes may use the folder, each sees the files that were there when it opened it. Features are
 * checked when read. Little-endian float32, so the same bits come back.
 *
 * @param encoder the encoder, or its `{ id, patches, width }`
 * @throws {PatcherError} `broken-cache` unless `onBroken` is a function
 *
 * @example
 * const cache = await featureCache('features', encoder);
 * const cached = cachedEncoder(encoder, cache);
 */
export async function featureCache(
  directory: string,
  encoder: Pick<ImageEncoder, 'id' | 'patches' | 'width'>,
  options: FeatureCacheOptions = {},
): Promise<FeatureCache> {
  const { imagesPerFile = 1024, onBroken = 'error' } = options;
  if (!Number.isSafeInteger(imagesPerFile) || imagesPerFile < 1 || imagesPerFile > 65_536)
    throw new PatcherError('invalid-argument', `Expected imagesPerFile from 1 to 65536, got ${imagesPerFile}.`);
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(encoder.id) || encoder.id.startsWith('.'))
    throw new PatcherError('invalid-argument', `Expected an encoder id that can name a folder, got ${encoder.id}.`);
  const folder = join(directory, encoder.id);
  await mkdir(folder, { recursive: true });
  const cache = new DiskCache(
    folder,
    { encoder: encoder.id, patches: encoder.patches, width: encoder.width },
    imagesPerFile,
  );
  try {
    await cache.load(onBroken);
  } catch (error) {
    await cache.close();
    throw error;
  }
  return cache;
}

class DiskCache implements FeatureCache {
  private readonly folder: string;
  private readonly identity: CacheIdentity;
  private readonly imagesPerFile: number;
  private readonly length: number;
  private readonly files: OpenFile[] = [];
  private readonly places = new Map<string, { file: OpenFile; row: number }>();
  private pending = new Map<string, Float32Array>();
  private writing: Promise<void> = Promise.resolve();

  constructor(folder: string, identity: CacheIdentity, imagesPerFile: number) {
    this.folder = folder;
    this.identity = identity;
    this.imagesPerFile = imagesPerFile;
    this.length = identity.patches * identity.width;
  }

  get size(): number {
    let size = this.places.size;
    for (const key of this.pending.keys()) if (!this.places.has(key)) size++;
    return size;
  }

  async load(onBroken: NonNullable<FeatureCacheOptions['onBroken']>): Promise<void> {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith('.features')).sort();
    for (const name of names) {
      try {
        await this.addFile(join(this.folder, name));
      } catch (error) {
        if (!isBrokenCache(error) || onBroken === 'error') throw error;
        onBroken(error);
      }
    }
  }

  has(key: string): boolean {
    return this.places.has(key) || this.pending.has(key);
  }

  async get(key: string): Promise<Float32Array | undefined> {
    const waiting = this.pending.get(key);
    if (waiting) return waiting.slice();
    const place = this.places.get(key);
    if (place === undefined) return undefined;
    const { handle, path, index } = place.file;
    return readCachedFeatures(handle, path, index, place.row, this.length);
  }

  async set(key: string, features: Float32Array): Promise<void> {
    if (!/^[0-9a-f]{64}$/.test(key))
      throw new PatcherError('invalid-argument', `Expected a key of 64 hexadecimal digits (contentKey), got ${key}.`);
    if (features.length !== this.length)
      throw new PatcherError(
        'invalid-argument',
        `Expected [${this.identity.patches}, ${this.identity.width}] = ${this.length} numbers, got ${features.length}.`,
      );
    if (this.has(key)) return;
    this.pending.set(key, features.slice());
    if (this.pending.size >= this.imagesPerFile) await this.flush();
  }

  flush(): Promise<void> {
    // One after another; features stay readable while they are written.
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  async close(): Promise<void> {
    await this.flush();
    for (const { handle } of this.files.splice(0)) await handle.close();
    this.places.clear();
  }

  private async write(): Promise<void> {
    const entries = [...this.pending].slice(0, 65_536);
    if (entries.length === 0) return;
    const bytes = encodeCacheFile(this.identity, entries);
    const path = join(this.folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.features`);
    const beside = `${path}.${process.pid}.tmp`;
    try {
      const file = await open(beside, 'w');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
    await this.addFile(path);
    for (const [key] of entries) this.pending.delete(key);
  }

  private async addFile(path: string): Promise<void> {
    const handle = await open(path, 'r');
    try {
      const file = { path, handle, index: await readCacheIndex(handle, path, this.identity) };
      this.files.push(file);
      file.index.keys.forEach((key, row) => {
        this.places.set(key, { file, row });
      });
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}
