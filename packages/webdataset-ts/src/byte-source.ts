import { open } from 'node:fs/promises';

/**
 * Where shards come from. Implement it to read from HTTP, an object store or memory: `open` is all that the reader asks for.
 */
export interface ByteSource {
  /**
   * Streams a shard's stored bytes from `offset` to the end. Errors may be thrown while iterating; stopping early must free what
   * was opened (an async generator's `finally` does).
   *
   * @param shard path or address, as it stands in the expanded list
   * @param offset first byte to deliver; 0 unless a plain tar is resumed
   */
  open(shard: string, offset: number): AsyncIterable<Uint8Array>;
}

const chunkBytes = 1 << 18;

/** Shards as files of this machine. */
export const fileSource: ByteSource = {
  async *open(shard, offset) {
    const file = await open(shard, 'r');
    try {
      for (let at = offset; ; ) {
        // A fresh buffer each time: whoever consumes the chunks may still hold the last ones.
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(chunkBytes), 0, chunkBytes, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
};
