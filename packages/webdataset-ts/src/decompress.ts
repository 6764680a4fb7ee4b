import { createGunzip } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import type { ByteSource } from './byte-source.ts';
import { WebDatasetError } from './errors.ts';
import type { ReadLimits } from './limits.ts';
import { isZstd, unzstd } from './zstd.ts';

type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lzma';

const magics: readonly (readonly [Compression, (head: Uint8Array) => boolean])[] = [
  ['gzip', startsWith(0x1f, 0x8b)],
  ['zstd', isZstd],
  // What follows the level begins a block or ends an empty file: a tar may begin with a name like BZhang.txt.
  ['bzip2', (head) => /^425a683[1-9](314159265359|177245385090)/.test(Buffer.from(head).toString('hex'))],
  ['xz', startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  // A dictionary of at least 2^16 bytes follows: a tar may begin with the name "]".
  ['lzma', (head) => startsWith(0x5d, 0x00, 0x00)(head) && (head[3] || head[4]) !== 0],
];
const magicBytes = 10;

function startsWith(...magic: number[]): (head: Uint8Array) => boolean {
  return (head) => magic.every((byte, i) => head[i] === byte);
}

/**
 * Opens a shard and takes off its compression, told by its first bytes and not by its name.
 *
 * @param offset where to begin, in uncompressed bytes: a plain tar is opened there, a compressed one is read up to there
 * @throws WebDatasetError `unsupported` for bzip2 and xz; `truncated` for a shard that ends before the offset
 */
export async function openUncompressed(
  source: ByteSource,
  shard: string,
  offset: number,
  limits: ReadLimits,
): Promise<ByteReader> {
  const seekable = source.seekable?.(shard) ?? true;
  if (offset > 0 && seekable && (await compressionOfShard(source, shard)) === 'none') {
    const reader = new ByteReader(source.open(shard, offset, { reuse: true }), offset);
    try {
      if (!(await reader.fill()) && !(await hasByte(source, shard, offset - 1))) throw endsBefore(offset);
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }
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
    compression === 'none' ? whole : compression === 'gzip' ? gunzip(whole) : unzstd(whole, limits),
    0,
    release,
  );
  try {
    if ((await reader.skip(offset)) < offset) throw endsBefore(offset);
  } catch (error) {
    await reader.close();
    throw error;
  }
  return reader;
}

/** A shard may end at the position, but not before it: then it is not the one that was read. */
function endsBefore(offset: number): WebDatasetError {
  const message = `the shard ends before byte ${offset}, where reading is to go on: it was replaced by a shorter one since the position was saved`;
  return new WebDatasetError('truncated', message, { offset });
}

async function hasByte(source: ByteSource, shard: string, offset: number): Promise<boolean> {
  const bytes = new ByteReader(source.open(shard, offset, { length: 1 }));
  try {
    return await bytes.fill();
  } finally {
    await bytes.close();
  }
}

function compressionOf(head: Uint8Array): Compression {
  return magics.find(([, matches]) => matches(head))?.[0] ?? 'none';
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
 * What came out of a decoder is handed on before its error is, and the next bytes go in only then: how much of a damaged shard can be read
 * is a function of its bytes, not of timing.
 */

/**
 * Large, for each chunk is a trip to zlib's thread and back. Once `data` has paused it, zlib unpacks one chunk more (while the first is
 * looked at) and then waits, so that a bomb fills two chunks and no more, however much is fed to it.
 */
const gunzipSettings = { chunkSize: 1 << 19, readableHighWaterMark: 1 };

/** All members of a gzip file, one after the other. */
async function* gunzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const unzip = createGunzip(gunzipSettings);
  let out: Uint8Array[] = [];
  let failure: unknown;
  let [taken, ended] = [true, false];
  let wake = (): void => {};
  unzip.on('data', (chunk: Uint8Array) => {
    out.push(chunk);
    unzip.pause();
    wake();
  });
  unzip.on('end', () => {
    ended = true;
    wake();
  });
  unzip.on('error', (error) => {
    failure = gunzipError(error);
    wake();
  });
  /** What comes out until zlib has taken all that it was given. */
  async function* unpacked(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const ready = out;
      out = [];
      yield* ready;
      if (out.length > 0) continue;
      if (failure !== undefined) throw failure;
      if (ended || (taken && unzip.readableLength === 0)) return;
      const event = new Promise<void>((resolve) => {
        wake = resolve;
      });
      unzip.resume();
      await event;
    }
  }
  try {
    let given = 0;
    for await (const chunk of stored) {
      if (given === unzip.bytesWritten) {
        taken = false;
        unzip.write(chunk, () => {
          taken = true;
          wake();
        });
        yield* unpacked();
      }
      given += chunk.length;
      // Zeros may fill up the last block of a tape; zlib ends where they begin.
      const left = given - unzip.bytesWritten;
      if (left > 0) expectZeros(chunk.subarray(Math.max(0, chunk.length - left)));
    }
    if (given > unzip.bytesWritten) return;
    taken = false;
    unzip.end();
    yield* unpacked();
  } finally {
    unzip.destroy();
  }
}

function expectZeros(bytes: Uint8Array): void {
  if (bytes.every((byte) => byte === 0)) return;
  const message = 'bytes that are no gzip data behind zeros that end it; fetch or write the shard again';
  throw new WebDatasetError('corrupt', message);
}

function gunzipError(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message: string };
  if (typeof code !== 'string' || !code.startsWith('Z_')) return error;
  const ended = code === 'Z_BUF_ERROR';
  return new WebDatasetError(
    ended ? 'truncated' : 'corrupt',
    `gzip data ${ended ? 'ends too early' : 'is damaged'} (${message}); fetch or write the shard again`,
    {},
    error,
  );
}
