import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { createGzip, type Gzip } from 'node:zlib';

/** What is known of a shard once it lies in its place. */
export interface FinishedFile {
  /** Size on disk. */
  bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  sha256: string;
}

const bufferBytes = 1 << 20;

/**
 * A file that appears under its name only when it is whole: written beside (`NAME.partial`), flushed to disk, then renamed.
 * With `gzip` the bytes are compressed on their way; header fields that name a machine are blanked.
 */
export class ShardFile {
  readonly path: string;
  readonly #partial: string;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer: Buffer = Buffer.allocUnsafe(bufferBytes);
  readonly #gzip: Gzip | undefined;
  readonly #drained: Promise<void> | undefined;
  #filled = 0;
  #bytes = 0;

  static async create(path: string, gzip: boolean): Promise<ShardFile> {
    const partial = `${path}.partial`;
    return new ShardFile(path, partial, await open(partial, 'w'), gzip);
  }

  private constructor(path: string, partial: string, file: FileHandle, gzip: boolean) {
    this.path = path;
    this.#partial = partial;
    this.#file = file;
    if (gzip) {
      this.#gzip = createGzip({ level: 6 });
      this.#drained = this.#drain(this.#gzip);
      this.#drained.catch(() => {}); // awaited in finish()
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#gzip === undefined) return this.#append(bytes);
    // The caller may reuse its memory as soon as write() is over, the compressor works later.
    if (!this.#gzip.write(Uint8Array.from(bytes))) await Promise.race([once(this.#gzip, 'drain'), this.#drained]);
  }

  /** Flushes, closes and renames. */
  async finish(): Promise<FinishedFile> {
    try {
      this.#gzip?.end();
      await this.#drained;
      await this.#flush();
      await this.#file.sync();
    } catch (error) {
      await this.discard();
      throw error;
    }
    await this.#file.close();
    await rename(this.#partial, this.path);
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  /** Closes and removes the unfinished file. */
  async discard(): Promise<void> {
    this.#gzip?.destroy();
    await this.#file.close().catch(() => {});
    await rm(this.#partial, { force: true });
  }

  async #drain(gzip: Gzip): Promise<void> {
    let first = true;
    for await (const chunk of gzip) {
      const bytes = chunk as Buffer;
      if (first) bytes[9] = 255; // operating system: unknown
      first = false;
      await this.#append(bytes);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, bufferBytes - this.#filled);
      this.#buffer.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === bufferBytes) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
    this.#filled = 0;
  }
}
