import { open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ByteSource } from './byte-source.ts';

const chunkBytes = 1 << 20;

/** Shards as files of this machine: paths or `file:` addresses. */
export const fileSource: ByteSource = {
  async *open(shard, offset, { length = Number.POSITIVE_INFINITY, reuse = false } = {}) {
    const file = await open(pathOf(shard), 'r');
    try {
      const size = Math.min(chunkBytes, length);
      let buffer = Buffer.allocUnsafeSlow(size);
      for (let at = offset; at < offset + length; ) {
        const { bytesRead } = await file.read(buffer, 0, size, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
        if (!reuse) buffer = Buffer.allocUnsafeSlow(size); // whoever consumes the chunks may still hold the last ones
      }
    } finally {
      await file.close();
    }
  },
  async identify(shard) {
    const { size, mtimeMs, ino } = await stat(pathOf(shard));
    return { bytes: size, version: `${size}/${mtimeMs}/${ino}` };
  },
};

/** The path of a shard on this machine. */
export function pathOf(shard: string): string {
  return shard.startsWith('file:') ? fileURLToPath(shard) : shard;
}
