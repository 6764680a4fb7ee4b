import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { ByteReader } from './byte-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { WebDatasetError } from './errors.ts';

type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lzma';

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lzma', [0x5d, 0x00, 0x00]],
];
const magicBytes = 6;

/**
 * Opens a shard and takes off its compression, told by its first bytes and not by its name.
 *
 * @param offset where to begin, in uncompressed bytes: a plain tar is opened there, a compressed one is read up to there
 * @throws WebDatasetError `unsupported` for bzip2 and xz
 */
export async function openUncompressed(source: ByteSource, shard: string, offset: number): Promise<ByteReader> {
  const seekable = source.seekable?.(shard) ?? true;
  if (offset > 0 && seekable && (await compressionOfShard(source, shard)) === 'none')
    return new ByteReader(source.open(shard, offset, { reuse: true }), offset);
  const stored = source.open(shard, 0, { reuse: true })[Symbol.asyncIterator]();
  const head = await takeHead(stored);
  const compression = compressionOf(head);
  const release = (): unknown => stored.return?.();
  const whole = resumed(head, stored);
  if (compression !== 'none' && compression !== 'gzip' && compression !== 'zstd') {
    await release();
    throw new WebDatasetError(
      'unsupported',
      `compressed with ${compression}; expected tar, tar.gz or tar.zst: recompress it`,
      { shard },
    );
  }
  const reader = new ByteReader(
    compression === 'none' ? whole : compression === 'gzip' ? gunzip(whole) : unzstd(whole),
    0,
    release,
  );
  try {
    await reader.skip(offset);
  } catch (error) {
    await reader.close();
    throw error;
  }
  return reader;
}

function compressionOf(head: Uint8Array): Compression {
  return magics.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'none';
}

/** The first chunk or, if that is shorter than a magic number, the first few. */
async function takeHead(stored: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < magicBytes) {
    const next = await stored.next();
    if (next.done) break;
    head = head.length === 0 && next.value.length >= magicBytes ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

/** Told by the first bytes. */
export async function compressionOfShard(source: ByteSource, shard: string): Promise<Compression> {
  const stored = source.open(shard, 0, { length: magicBytes })[Symbol.asyncIterator]();
  try {
    return compressionOf(await takeHead(stored));
  } finally {
    await stored.return?.();
  }
}

async function* resumed(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/*
 * Both decoders are fed piece by piece, and what came out is handed on before an error is: how much of a damaged shard can be read is
 * then a function of its bytes, not of timing. The pieces are small because each may unpack to a thousand times its size.
 */
const gzipPieceBytes = 1 << 16;
const zstdPieceBytes = 1 << 13;
/** What a piece of gzip data should unpack to at most; the next piece is smaller where the last one gave more. */
const aimedBytes = 1 << 21;

/** All members of a gzip file, one after the other. */
async function* gunzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const unzip = createGunzip({ chunkSize: 1 << 18 });
  let out: Uint8Array[] = [];
  let failure: unknown;
  let ended = false;
  let wake = (): void => {};
  unzip.on('data', (chunk: Buffer) => out.push(chunk));
  unzip.on('end', () => {
    ended = true;
    wake();
  });
  unzip.on('error', (error) => {
    failure = decompressionError(error, 'gzip');
    wake();
  });
  try {
    let size = gzipPieceBytes;
    for await (const chunk of stored) {
      for (let at = 0; at < chunk.length; ) {
        const piece = chunk.subarray(at, at + size);
        at += piece.length;
        await new Promise<void>((resolve) => {
          wake = resolve;
          unzip.write(piece, () => resolve());
        });
        const unpacked = out.reduce((sum, { length }) => sum + length, 0);
        size = Math.max(1 << 11, Math.min(gzipPieceBytes, Math.floor((piece.length / unpacked) * aimedBytes)));
        yield* out;
        out = [];
        if (failure !== undefined) throw failure;
      }
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
      unzip.end();
      if (ended || failure !== undefined) resolve();
    });
    yield* out;
    if (failure !== undefined) throw failure;
  } finally {
    unzip.destroy();
  }
}

/** All frames of a zstd file. */
async function* unzstd(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let out: Uint8Array[] = [];
  const unzip = new Decompress((chunk) => {
    out.push(chunk.slice()); // the decoder goes on using its window
  });
  const push = (piece: Uint8Array, final: boolean): unknown => {
    try {
      unzip.push(piece, final);
      return undefined;
    } catch (error) {
      return decompressionError(error, 'zstd');
    }
  };
  for await (const piece of cut(stored, zstdPieceBytes)) {
    const failure = push(piece, false);
    yield* out;
    out = [];
    if (failure !== undefined) throw failure;
  }
  const failure = push(new Uint8Array(0), true);
  yield* out;
  if (failure !== undefined) throw failure;
}

/** In memory of their own: the decoder keeps what it cannot use yet. */
async function* cut(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += size) yield new Uint8Array(chunk.subarray(at, at + size));
  }
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
