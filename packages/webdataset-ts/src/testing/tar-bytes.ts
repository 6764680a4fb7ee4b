/** Builds shards in memory for tests: what a good writer would write, and what none should. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ByteSource } from '../byte-source.ts';
import { blockBytes, encodeMemberHeader, endOfArchive, paddingOf } from '../tar-encode.ts';

/** A member with its padding. */
export function member(name: string, content: string | Uint8Array = name): Uint8Array {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([...encodeMemberHeader(name, bytes.length), bytes, new Uint8Array(paddingOf(bytes.length))]);
}

/** A whole archive of members `name` (with the name as content) or `[name, content]`. */
export function tarOf(...members: (string | readonly [string, string | Uint8Array])[]): Uint8Array {
  return Buffer.concat([...members.map((m) => (typeof m === 'string' ? member(m) : member(...m))), endOfArchive]);
}

/** A copy of a header with some fields overwritten and the checksum made right again. */
export function altered(header: Uint8Array, fields: Readonly<Record<number, string | Uint8Array>>): Uint8Array {
  const block = Uint8Array.from(header);
  for (const [at, value] of Object.entries(fields)) {
    block.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, Number(at));
  }
  block.fill(32, 148, 156);
  const sum = block.subarray(0, blockBytes).reduce((total, byte) => total + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return block;
}

/** Shards in memory, delivered in chunks of `chunkBytes`; remembers what was opened. */
export function memorySource(
  shards: Readonly<Record<string, Uint8Array>>,
  chunkBytes = 700,
): ByteSource & { opened: { shard: string; offset: number }[]; unclosed: Set<symbol> } {
  const opened: { shard: string; offset: number }[] = [];
  const unclosed = new Set<symbol>();
  return {
    opened,
    unclosed,
    async *open(shard, offset) {
      const id = Symbol(shard);
      unclosed.add(id);
      try {
        opened.push({ shard, offset });
        const bytes = shards[shard];
        if (bytes === undefined) throw new Error(`no such shard: ${shard}`);
        for (let at = offset; at < bytes.length; at += chunkBytes)
          yield bytes.subarray(at, Math.min(at + chunkBytes, bytes.length));
      } finally {
        unclosed.delete(id);
      }
    },
  };
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(files: Readonly<Record<string, Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'webdataset-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}
