import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { ByteReader } from './byte-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { WebDatasetError } from './errors.ts';

type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];
const magicBytes = 6;

/**
 * Opens a shard and takes off its compression, told by its first bytes and not by its name.
 *
 * @param offset where to begin, in uncompressed bytes: a plain tar is opened there, a compressed one is read up to there
 * @throws WebDatasetError `unsupported` for bzip2 and xz
 */
export async function openUncompressed(source: ByteSource, shard: string, offset: number): Promise<ByteReader> {
  const stored = source.open(shard, 0)[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < magicBytes) {
    const next = await stored.next();
    if (next.done) break;
    head.push(next.value);
    length += next.value.length;
  }
  const compression = compressionOf(Buffer.concat(head));
  if (compression === 'none' && offset > 0) {
    await stored.return?.();
    return new ByteReader(source.open(shard, offset), offset);
  }
  const whole = resumed(head, stored);
  if (compression === 'none') return new ByteReader(whole);
  if (compression !== 'gzip' && compression !== 'zstd') {
    await whole.return(undefined);
    throw new WebDatasetError(
      'unsupported',
      `compressed with ${compression}; expected tar, tar.gz or tar.zst: recompress it`,
      { shard },
    );
  }
  const reader = new ByteReader(compression === 'gzip' ? gunzip(whole) : unzstd(whole));
  await reader.skip(offset);
  return reader;
}

function compressionOf(head: Uint8Array): Compression {
  return magics.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'none';
}

async function* resumed(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** All members of a gzip file, one after the other. */
async function* gunzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const unzip = createGunzip({ chunkSize: 1 << 18 });
  pipeline(Readable.from(stored, { objectMode: false, highWaterMark: 1 << 18 }), unzip, () => {}); // errors surface below
  try {
    for await (const chunk of unzip) yield chunk as Buffer;
  } catch (error) {
    throw decompressionError(error, 'gzip');
  }
}

/** All frames of a zstd file. */
async function* unzstd(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let out: Uint8Array[] = [];
  const unzip = new Decompress((chunk) => {
    out.push(chunk.slice()); // the decoder goes on using its window
  });
  const push = (chunk: Uint8Array, final: boolean): void => {
    try {
      unzip.push(chunk, final);
    } catch (error) {
      throw decompressionError(error, 'zstd');
    }
  };
  for await (const chunk of stored) {
    push(chunk, false);
    yield* out;
    out = [];
  }
  push(new Uint8Array(0), true);
  yield* out;
}

function decompressionError(error: unknown, format: 'gzip' | 'zstd'): unknown {
  const { code, message } = error as { code?: unknown; message: string };
  if (format === 'gzip' && (typeof code !== 'string' || !code.startsWith('Z_'))) return error;
  const ended = code === 'Z_BUF_ERROR' || /unexpected EOF/i.test(message);
  return new WebDatasetError(
    ended ? 'truncated' : 'corrupt',
    `${format} data ${ended ? 'ends too early' : 'is damaged'} (${message}); fetch or write the shard again`,
    {},
    error,
  );
}
