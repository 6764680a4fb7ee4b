/**
 * Unpacks zstd frame by frame (RFC 8878): the blocks are decoded by fzstd, which neither checks checksums nor limits its work; the walk around
 * it does both.
 */
import { Decompress } from 'fzstd';
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { ByteReader } from './byte-reader.ts';
import { WebDatasetError } from './errors.ts';
import type { ReadLimits } from './limits.ts';

const frameMagic = 0xfd2fb528;
/** The lowest of 16. Frames that carry no data: `pzstd` begins files with one. */
const skippableMagic = 0x184d2a50;
const maxBlockBytes = 1 << 17;
/** fzstd's own limit. */
const largestWindow = 2_145_386_496;

/**
 * fzstd moves its whole window for every block, so that a few bytes of blocks that hold next to nothing cost gigabytes. Real ones of the
 * largest window (2^27 bytes, blocks of 2^17) move 2^10 bytes for each that comes out, lines written one by one behind a window of 2^21 some 2^13.
 */
const movedBytesFree = 2 ** 30;
const movedBytesPerByte = 2 ** 15;

export function isZstd(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const magic = number(head.subarray(0, 4));
  return magic === frameMagic || isSkippable(magic);
}

/**
 * All frames of a zstd file.
 *
 * @throws WebDatasetError `truncated`; `corrupt`, also when a checksum differs, which shows at the end of its frame only; `limit` for a window
 *   over `limits.maxWindowBytes` and for blocks so small that they only cost time; `unsupported` for a dictionary
 */
export async function* unzstd(stored: AsyncIterable<Uint8Array>, limits: ReadLimits): AsyncGenerator<Uint8Array, void> {
  const bytes = new ByteReader(stored);
  const hashing = await loadHashing();
  try {
    while (await bytes.fill()) {
      const start = bytes.position;
      const magic = number(await take(bytes, 4, start));
      if (magic === frameMagic) yield* unpackFrame(bytes, start, limits, hashing);
      else if (isSkippable(magic)) await skip(bytes, number(await take(bytes, 4, start)), start);
      else throw damaged('expected the magic number of a frame', start);
    }
  } finally {
    await bytes.close();
  }
}

let hashing: Promise<XXHashAPI> | undefined;
function loadHashing(): Promise<XXHashAPI> {
  hashing ??= xxhash();
  return hashing;
}

async function* unpackFrame(
  bytes: ByteReader,
  start: number,
  limits: ReadLimits,
  { create64 }: XXHashAPI,
): AsyncGenerator<Uint8Array, void> {
  const { header, windowBytes, contentBytes, checksum } = await readHeader(bytes, start, limits);
  const out: Uint8Array[] = [];
  const unzip = new Decompress((chunk) => {
    out.push(chunk);
  });
  unzip.push(header);
  const hash = create64();
  let [unpacked, moved] = [0, 0];
  for (let last = false; !last; ) {
    const head = await take(bytes, 3, start);
    const word = number(head);
    last = (word & 1) === 1;
    const [type, size] = [(word >> 1) & 3, word >> 3];
    if (type === 3) throw damaged('a block of no known type', start);
    if (size > Math.min(maxBlockBytes, windowBytes)) throw damaged(`a block of ${size} bytes`, start);
    const body = await take(bytes, type === 1 ? 1 : size, start);
    try {
      unzip.push(head, last && body.length === 0);
      if (body.length > 0) unzip.push(body, last);
    } catch (error) {
      throw damaged((error as Error).message, start, error);
    }
    for (const chunk of out) {
      unpacked += chunk.length;
      if (checksum) hash.update(chunk);
      if (chunk.length > 0) yield chunk;
    }
    out.length = 0;
    moved += windowBytes;
    if (moved > movedBytesFree + unpacked * movedBytesPerByte) {
      const message = `zstd blocks that hold next to nothing behind a window of ${windowBytes} bytes, in the frame at byte ${start} of the file: they would take very long; compress the shard again`;
      throw new WebDatasetError('limit', message);
    }
  }
  if (contentBytes !== undefined && unpacked !== contentBytes)
    throw damaged(`its header says ${contentBytes} bytes, it holds ${unpacked}`, start);
  if (!checksum) return;
  const expected = number(await take(bytes, 4, start));
  if (Number(BigInt.asUintN(32, hash.digest())) !== expected)
    throw damaged('its checksum differs, so what was read from it may be wrong', start);
}

interface FrameHeader {
  /** As fzstd takes it: it never looks for a checksum. */
  header: Uint8Array;
  windowBytes: number;
  /** If the frame says so. */
  contentBytes: number | undefined;
  checksum: boolean;
}

/** What follows the magic number: RFC 8878, section 3.1.1.1. */
async function readHeader(bytes: ByteReader, start: number, limits: ReadLimits): Promise<FrameHeader> {
  const [flags] = (await take(bytes, 1, start)) as unknown as [number];
  const checksum = (flags & 4) !== 0;
  if ((flags & 8) !== 0) throw damaged('a reserved bit of its header is set', start);
  const singleSegment = (flags & 32) !== 0;
  const sizeFlag = flags >> 6;
  const windowDescriptor = await take(bytes, singleSegment ? 0 : 1, start);
  const dictionary = await take(bytes, [0, 1, 2, 4][flags & 3]!, start);
  const contentSize = await take(bytes, sizeFlag === 0 ? Number(singleSegment) : 1 << sizeFlag, start);
  if (dictionary.some((byte) => byte !== 0)) {
    const message = `zstd with dictionary ${number(dictionary)}, in the frame at byte ${start} of the file: compress the shard again without one`;
    throw new WebDatasetError('unsupported', message);
  }
  const contentBytes =
    contentSize.length === 0 ? undefined : number(contentSize) + (contentSize.length === 2 ? 256 : 0);
  const windowBytes = singleSegment ? contentBytes! : windowOf(windowDescriptor[0]!);
  const maxWindowBytes = Math.min(limits.maxWindowBytes, largestWindow);
  if (windowBytes > maxWindowBytes) {
    const message = `expected a zstd window of at most ${maxWindowBytes} bytes (limits.maxWindowBytes), got ${windowBytes}; raise the limit if you trust the shard, or compress it again`;
    throw new WebDatasetError('limit', message);
  }
  const header = new Uint8Array(5 + windowDescriptor.length + dictionary.length + contentSize.length);
  header.set([0x28, 0xb5, 0x2f, 0xfd, flags & ~4]);
  let at = 5;
  for (const field of [windowDescriptor, dictionary, contentSize]) {
    header.set(field, at);
    at += field.length;
  }
  return { header, windowBytes, contentBytes, checksum };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function isSkippable(magic: number): boolean {
  return magic >= skippableMagic && magic < skippableMagic + 16;
}

/** Little-endian, of up to 8 bytes. */
function number(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

async function take(bytes: ByteReader, size: number, start: number): Promise<Uint8Array> {
  const taken = size <= bytes.atHand ? bytes.copy(size) : await bytes.read(size);
  if (taken.length < size) throw cut(start);
  return taken;
}

async function skip(bytes: ByteReader, size: number, start: number): Promise<void> {
  if ((await bytes.skip(size)) < size) throw cut(start);
}

function cut(start: number): WebDatasetError {
  const message = `zstd data ends too early (in the frame at byte ${start} of the file); fetch or write the shard again`;
  return new WebDatasetError('truncated', message);
}

function damaged(what: string, start: number, cause?: unknown): WebDatasetError {
  const message = `zstd data is damaged (${what}; in the frame at byte ${start} of the file); fetch or write the shard again`;
  return new WebDatasetError('corrupt', message, {}, cause);
}
