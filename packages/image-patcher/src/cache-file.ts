// One file of a feature cache, little-endian:
//   magic 8 bytes | head length uint32 | head (JSON) | crc32 of all before, uint32
//   keys: count × 32 bytes | crc32 of each image's features: count × uint32 | crc32 of both tables, uint32
//   features: count × [P, F] float32
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PatcherError } from './patcher-error.ts';

const MAGIC = Buffer.from('VLMFEAT1', 'latin1');
/** Longest head in bytes and most images per file: guard against damaged lengths. */
const MAX_HEAD = 65_536;
const MAX_COUNT = 1_048_576;

/** What the features of a cache look like and whose they are. */
export interface CacheIdentity {
  encoder: string;
  patches: number;
  width: number;
}

/** Where a file has its features. */
export interface CacheFileIndex {
  keys: string[];
  checksums: Uint32Array;
  /** Offset of the first image's features in bytes. */
  dataOffset: number;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

const bytesOf = (features: Float32Array) => Buffer.from(features.buffer, features.byteOffset, features.byteLength);

/** The bytes of a file with these features. */
export function encodeCacheFile(identity: CacheIdentity, entries: readonly [string, Float32Array][]): Buffer {
  const head = Buffer.from(JSON.stringify({ version: 1, ...identity, count: entries.length }));
  const start = Buffer.concat([MAGIC, uint32(head.length), head]);
  const tables = Buffer.concat([
    ...entries.map(([key]) => Buffer.from(key, 'hex')),
    ...entries.map(([, features]) => uint32(crc32(bytesOf(features)))),
  ]);
  return Buffer.concat([
    start,
    uint32(crc32(start)),
    tables,
    uint32(crc32(tables)),
    ...entries.map(([, features]) => bytesOf(features)),
  ]);
}

/**
 * Reads the tables of a file and checks that it is whole and belongs to this encoder.
 *
 * @throws {PatcherError} `broken-cache`
 */
export async function readCacheIndex(file: FileHandle, path: string, identity: CacheIdentity): Promise<CacheFileIndex> {
  const fail = (message: string): never => {
    throw new PatcherError('broken-cache', `${path}: ${message} Delete the file; its features are then made again.`);
  };
  const { size } = await file.stat();
  const read = async (position: number, length: number): Promise<Buffer> => {
    if (position + length > size) fail(`expected at least ${position + length} bytes, got ${size}.`);
    return readFully(file, position, length);
  };
  const begin = await read(0, MAGIC.length + 4);
  if (!begin.subarray(0, MAGIC.length).equals(MAGIC)) fail('this is no feature file.');
  const headLength = begin.readUInt32LE(MAGIC.length);
  if (headLength > MAX_HEAD) fail(`expected a head of at most ${MAX_HEAD} bytes, got ${headLength}.`);
  const start = await read(0, begin.length + headLength + 4);
  if (crc32(start.subarray(0, -4)) !== start.readUInt32LE(start.length - 4)) fail('the checksum of its head is wrong.');
  const head = JSON.parse(start.subarray(begin.length, -4).toString()) as CacheIdentity & {
    version: number;
    count: number;
  };
  if (head.version !== 1) fail(`expected version 1, got ${head.version}.`);
  if (head.encoder !== identity.encoder || head.patches !== identity.patches || head.width !== identity.width)
    fail(
      `expected features of ${identity.encoder} [${identity.patches}, ${identity.width}], got ${head.encoder} [${head.patches}, ${head.width}].`,
    );
  if (head.count > MAX_COUNT) fail(`expected at most ${MAX_COUNT} images, got ${head.count}.`);
  const tables = await read(start.length, head.count * 36 + 4);
  if (crc32(tables.subarray(0, -4)) !== tables.readUInt32LE(tables.length - 4))
    fail('the checksum of its keys is wrong.');
  const dataOffset = start.length + tables.length;
  const expected = dataOffset + head.count * identity.patches * identity.width * 4;
  if (size !== expected) fail(`expected ${expected} bytes, got ${size}.`);
  return {
    keys: Array.from({ length: head.count }, (_, i) => tables.subarray(i * 32, (i + 1) * 32).toString('hex')),
    checksums: Uint32Array.from({ length: head.count }, (_, i) => tables.readUInt32LE(head.count * 32 + i * 4)),
    dataOffset,
  };
}

/** Reads one image's features and checks them. @throws {PatcherError} `broken-cache` */
export async function readCachedFeatures(
  file: FileHandle,
  path: string,
  index: CacheFileIndex,
  row: number,
  length: number,
): Promise<Float32Array> {
  const bytes = await readFully(file, index.dataOffset + row * length * 4, length * 4);
  if (crc32(bytes) !== index.checksums[row])
    throw new PatcherError(
      'broken-cache',
      `${path}: the features of image ${row} (${index.keys[row]}) are damaged. Delete the file; its features are then made again.`,
    );
  const features = new Float32Array(length);
  bytesOf(features).set(bytes);
  return features;
}

async function readFully(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0)
      throw new PatcherError('broken-cache', `Expected ${length} bytes at ${position}, the file ends.`);
    done += bytesRead;
  }
  return buffer;
}
