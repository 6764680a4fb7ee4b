import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
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
  /** Most images per file; 1024 unless given. A file is also written when 128 MiB of features wait for it. */
  imagesPerFile?: number;
  /** Most bytes of this encoder's files; without end unless given. The oldest files go when a new one needs their room. */
  maxBytes?: number;
  /** Damaged features, on opening or on reading: an error, or a function that is told and goes on as if they were not there. */
  onBroken?: 'error' | ((problem: PatcherError) => void);
}

/** Bytes of features that wait in memory before they are written. */
const PENDING_BYTES = 128 * 1024 * 1024;
/** No file takes as long to write. */
const STALE_MS = 60 * 60 * 1000;

interface OpenFile {
  path: string;
  bytes: number;
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
  const { imagesPerFile = 1024, maxBytes = Number.POSITIVE_INFINITY, onBroken = 'error' } = options;
  if (!Number.isSafeInteger(imagesPerFile) || imagesPerFile < 1 || imagesPerFile > 65_536)
    throw new PatcherError('invalid-argument', `Expected imagesPerFile from 1 to 65536, got ${imagesPerFile}.`);
  if (!(maxBytes > 0)) throw new PatcherError('invalid-argument', `Expected maxBytes above 0, got ${maxBytes}.`);
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(encoder.id) || encoder.id.startsWith('.'))
    throw new PatcherError('invalid-argument', `Expected an encoder id that can name a folder, got ${encoder.id}.`);
  const folder = join(directory, encoder.id);
  await mkdir(folder, { recursive: true });
  const cache = new DiskCache(
    folder,
    { encoder: encoder.id, patches: encoder.patches, width: encoder.width },
    { imagesPerFile, maxBytes, onBroken },
  );
  try {
    await cache.load();
  } catch (error) {
    await cache.close();
    throw error;
  }
  return cache;
}

class DiskCache implements FeatureCache {
  private readonly folder: string;
  private readonly identity: CacheIdentity;
  private readonly options: Required<FeatureCacheOptions>;
  private readonly length: number;
  /** Oldest first. */
  private files: OpenFile[] = [];
  private readonly places = new Map<string, { file: OpenFile; row: number }>();
  private pending = new Map<string, Float32Array>();
  private writing: Promise<void> = Promise.resolve();

  constructor(folder: string, identity: CacheIdentity, options: Required<FeatureCacheOptions>) {
    this.folder = folder;
    this.identity = identity;
    this.options = options;
    this.length = identity.patches * identity.width;
  }

  get size(): number {
    let size = this.places.size;
    for (const key of this.pending.keys()) if (!this.places.has(key)) size++;
    return size;
  }

  async load(): Promise<void> {
    const all = await readdir(this.folder);
    await Promise.all(all.map((name) => this.sweep(name)));
    const names = all.filter((name) => name.endsWith('.features'));
    const paths = await Promise.all(
      names.map(async (name) => {
        const path = join(this.folder, name);
        const found = await stat(path).catch(() => undefined); // another process may have made room
        return { path, timeMs: found?.mtimeMs };
      }),
    );
    const present = paths.filter(({ timeMs }) => timeMs !== undefined);
    present.sort((a, b) => a.timeMs! - b.timeMs! || (a.path < b.path ? -1 : 1));
    for (const { path } of present) {
      try {
        await this.addFile(path);
      } catch (error) {
        this.report(error);
      }
    }
    await this.makeRoom();
  }

  /** Removes a half file of a process that is gone. One of another machine looks the same at first, so only an old one goes. */
  private async sweep(name: string): Promise<void> {
    const pid = /\.features\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) return;
    const path = join(this.folder, name);
    const found = await stat(path).catch(() => undefined); // another process may have swept it
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }

  /** Passes damage on as the caller chose. */
  private report(error: unknown): void {
    const { onBroken } = this.options;
    if (!isBrokenCache(error) || onBroken === 'error') throw error;
    onBroken(error);
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
    try {
      return await readCachedFeatures(handle, path, index, place.row, this.length);
    } catch (error) {
      this.report(error);
      this.places.delete(key);
      return undefined;
    }
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
    const full = Math.min(this.options.imagesPerFile, Math.ceil(PENDING_BYTES / (this.length * 4)));
    if (this.pending.size >= full) await this.flush();
  }

  flush(): Promise<void> {
    // One after another; features stay readable while they are written. Who asked for a write is told that it failed, and its features wait
    // for the next.
    this.writing = this.writing.catch(() => {}).then(() => this.write());
    return this.writing;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.places.clear();
      await Promise.all(this.files.splice(0).map(({ handle }) => handle.close()));
    }
  }

  private async write(): Promise<void> {
    while (this.pending.size > 0) await this.writeFile([...this.pending].slice(0, 65_536));
  }

  private async writeFile(entries: [string, Float32Array][]): Promise<void> {
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
    await this.makeRoom();
  }

  /** Removes the oldest files until the rest keeps within `maxBytes`; the newest stays. */
  private async makeRoom(): Promise<void> {
    let bytes = this.files.reduce((sum, file) => sum + file.bytes, 0);
    while (bytes > this.options.maxBytes && this.files.length > 1) {
      const oldest = this.files.shift()!;
      bytes -= oldest.bytes;
      for (const key of oldest.index.keys) if (this.places.get(key)?.file === oldest) this.places.delete(key);
      await oldest.handle.close();
      await rm(oldest.path, { force: true });
    }
  }

  private async addFile(path: string): Promise<void> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (!handle) return; // another process has made room
    try {
      const { size: bytes } = await handle.stat();
      const file = { path, bytes, handle, index: await readCacheIndex(handle, path, this.identity) };
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
