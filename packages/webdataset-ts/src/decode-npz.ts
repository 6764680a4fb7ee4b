/** NumPy's archives of arrays: zip files, stored or deflated, read by their central directory (PKWARE APPNOTE 4.3.12, 4.3.16, 4.5.3). */
import { crc32, inflateRawSync } from 'node:zlib';
import { decodeNpy, type NpyArray } from './decode-npy.ts';
import { WebDatasetError } from './errors.ts';

/** What an archive may ask for. */
export interface NpzLimits {
  /** Bytes of all arrays when unpacked. Default 2^30. */
  maxBytes?: number | undefined;
  /** Arrays. Default 4096. */
  maxArrays?: number | undefined;
}

/**
 * Makes a reader of `.npz` files: arrays by name.
 *
 * @throws WebDatasetError `undecodable` for damaged archives, also by their checksums; `limit`; `unsupported` for encrypted ones
 */
export function npzDecoder({
  maxBytes = 2 ** 30,
  maxArrays = 4096,
}: NpzLimits = {}): (bytes: Uint8Array) => Record<string, NpyArray> {
  return (bytes) => {
    const arrays: Record<string, NpyArray> = Object.create(null);
    let left = maxBytes;
    let count = 0;
    for (const entry of entriesOf(bytes)) {
      if (++count > maxArrays)
        throw new WebDatasetError('limit', `npz: expected at most ${maxArrays} arrays (maxArrays), got more`);
      const unpacked = unpack(bytes, entry, left, maxBytes);
      left -= unpacked.length;
      arrays[entry.name.replace(/\.npy$/, '')] = decodeNpy(unpacked);
    }
    return arrays;
  };
}

interface Entry {
  name: string;
  method: number;
  crc: number;
  packed: number;
  offset: number;
}

function* entriesOf(bytes: Uint8Array): Generator<Entry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (at: number): number => (at >= 0 && at + 2 <= bytes.length ? view.getUint16(at, true) : cut());
  const u32 = (at: number): number => (at >= 0 && at + 4 <= bytes.length ? view.getUint32(at, true) : cut());
  const u64 = (at: number): number => (at >= 0 && at + 8 <= bytes.length ? Number(view.getBigUint64(at, true)) : cut());
  let end = bytes.length - 22;
  const lowest = Math.max(0, bytes.length - 22 - 0xffff);
  while (end >= lowest && u32(end) !== 0x06054b50) end--;
  if (end < lowest) throw undecodable('expected a zip archive, got no end of a central directory');
  let entries = u16(end + 10);
  let at = u32(end + 16);
  if (at === 0xffffffff && end >= 20 && u32(end - 20) === 0x07064b50) {
    const end64 = u64(end - 12);
    entries = u64(end64 + 32);
    at = u64(end64 + 48);
  }
  for (let i = 0; i < entries; i++) {
    if (u32(at) !== 0x02014b50) throw undecodable(`expected entry ${i + 1} of ${entries} at byte ${at}`);
    const nameLength = u16(at + 28);
    const extraLength = u16(at + 30);
    const extraEnd = at + 46 + nameLength + extraLength;
    if (extraEnd > bytes.length) cut();
    if ((u16(at + 8) & 1) !== 0) throw new WebDatasetError('unsupported', 'npz: the archive is encrypted');
    const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString();
    let packed = u32(at + 20);
    let offset = u32(at + 42);
    for (let extra = extraEnd - extraLength; extra + 4 <= extraEnd; extra += 4 + u16(extra + 2)) {
      if (u16(extra) !== 1) continue; // sizes that need 64 bits, in this order, each only where its field is full
      let field = extra + 4;
      if (u32(at + 24) === 0xffffffff) field += 8;
      if (packed === 0xffffffff) {
        packed = u64(field);
        field += 8;
      }
      if (offset === 0xffffffff) offset = u64(field);
    }
    if (u32(offset) !== 0x04034b50)
      throw undecodable(`expected the header of ${JSON.stringify(name)} at byte ${offset}`);
    offset += 30 + u16(offset + 26) + u16(offset + 28);
    if (offset + packed > bytes.length) cut();
    yield { name, method: u16(at + 10), crc: u32(at + 16), packed, offset };
    at = extraEnd + u16(at + 32);
  }
}

function unpack(
  bytes: Uint8Array,
  { name, method, crc, packed, offset }: Entry,
  left: number,
  maxBytes: number,
): Uint8Array {
  const stored = bytes.subarray(offset, offset + packed);
  let unpacked: Uint8Array;
  if (method === 0) unpacked = stored;
  else if (method === 8) {
    try {
      unpacked = inflateRawSync(stored, { maxOutputLength: Math.max(1, left) });
    } catch (cause) {
      if ((cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
      throw new WebDatasetError(
        'undecodable',
        `npz: ${JSON.stringify(name)} is damaged (${(cause as Error).message})`,
        {},
        cause,
      );
    }
  } else
    throw new WebDatasetError(
      'unsupported',
      `npz: ${JSON.stringify(name)} is packed by method ${method}; save with numpy.savez_compressed`,
    );
  if (unpacked.length > left) throw tooLarge(maxBytes);
  if (crc32(unpacked) !== crc) throw undecodable(`the checksum of ${JSON.stringify(name)} is wrong`);
  return unpacked;
}

function tooLarge(maxBytes: number): WebDatasetError {
  return new WebDatasetError(
    'limit',
    `npz: expected at most ${maxBytes} bytes when unpacked (maxBytes), got more; raise the limit if you trust the archive`,
  );
}

function cut(): never {
  throw undecodable('the archive points outside itself, or is cut off');
}

function undecodable(message: string): WebDatasetError {
  return new WebDatasetError('undecodable', `npz: ${message}`);
}
