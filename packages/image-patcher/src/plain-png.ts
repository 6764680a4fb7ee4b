// The short way for the commonest file of a study: a small PNG of 8-bit RGB(A) that already has the right size. Several times as fast
// as a trip through sharp, whose cost for such a file is its set-up. Whatever is not plain (other depths, palettes, interlacing, colour
// profiles, orientation, visible transparency, damage) is left to sharp. Format: W3C PNG Specification (Third Edition).
import { crc32, inflateSync } from 'node:zlib';

/** Largest side that goes this way: larger ones are better decoded off the main thread. */
const MAX_SIDE = 128;
/** Chunks that do not change how pixels look. Any other leaves the file to sharp. */
const HARMLESS = new Set(['IHDR', 'IDAT', 'IEND', 'pHYs', 'tEXt', 'tIME', 'sRGB']);

/**
 * Decodes a plain PNG of exactly `size` × `size`.
 *
 * @returns 8-bit RGB [size, size, 3], or undefined where the file is not as plain as that
 */
export function decodePlainPng(bytes: Uint8Array, size: number): Uint8Array | undefined {
  if (size > MAX_SIDE || bytes.length < 57) return undefined;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // width, height, depth 8, colour type 2 or 6, compression 0, filter 0, no interlacing
  if (file.toString('latin1', 12, 16) !== 'IHDR' || file.readUInt32BE(8) !== 13) return undefined;
  if (file.readUInt32BE(16) !== size || file.readUInt32BE(20) !== size || file[24] !== 8) return undefined;
  const channels = file[25] === 2 ? 3 : file[25] === 6 ? 4 : 0;
  if (channels === 0 || file[26] !== 0 || file[27] !== 0 || file[28] !== 0) return undefined;
  const data = imageData(file);
  if (data === undefined) return undefined;
  const stride = size * channels;
  try {
    const rows = inflateSync(data, { maxOutputLength: size * (stride + 1) });
    if (rows.length !== size * (stride + 1)) return undefined;
    return unfilter(rows, size, channels);
  } catch {
    return undefined; // sharp says what is wrong with it
  }
}

/** The joined IDAT chunks of a whole, undamaged, harmless file. */
function imageData(file: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const end = at + 12 + length;
    const type = file.toString('latin1', at + 4, at + 8);
    if (end > file.length || !HARMLESS.has(type)) return undefined;
    if (crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) return undefined;
    if (type === 'IEND') return parts.length === 1 ? parts[0] : Buffer.concat(parts);
    if (type === 'IDAT') parts.push(file.subarray(at + 8, end - 4));
    at = end;
  }
  return undefined;
}

/** Undoes the filter of each row, in place, and drops an opaque alpha channel. */
function unfilter(rows: Buffer, size: number, channels: number): Uint8Array | undefined {
  const stride = size * channels;
  const out = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const row = y * (stride + 1) + 1;
    const above = row - stride - 1;
    const filter = rows[row - 1]!;
    if (filter > 4) return undefined;
    if (filter !== 0)
      for (let x = 0; x < stride; x++) {
        const left = x >= channels ? rows[row + x - channels]! : 0;
        const up = y > 0 ? rows[above + x]! : 0;
        const corner = x >= channels && y > 0 ? rows[above + x - channels]! : 0;
        rows[row + x]! += prediction(filter, left, up, corner);
      }
    for (let x = 0; x < size; x++) {
      const from = row + x * channels;
      const to = (y * size + x) * 3;
      out[to] = rows[from]!;
      out[to + 1] = rows[from + 1]!;
      out[to + 2] = rows[from + 2]!;
      if (channels === 4 && rows[from + 3] !== 255) return undefined;
    }
  }
  return out;
}

function prediction(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}
