/**
 * One 512-byte tar header: POSIX ustar, GNU and V7. Ours rather than a library's, because a resumable reader needs the exact byte
 * position of every member and of every fault.
 */
import { WebDatasetError } from './errors.ts';

/** The fields that reading samples needs. */
export interface TarHeader {
  /** Name bytes, with the ustar prefix in front. */
  name: Uint8Array;
  size: number;
  /** Type flag as a character; NUL reads as `0`. */
  type: string;
}

export function isZeroBlock(block: Uint8Array): boolean {
  for (const byte of block) if (byte !== 0) return false;
  return true;
}

/** Bytes up to the first NUL. */
export function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/**
 * Parses a header block.
 *
 * @throws WebDatasetError `corrupt` when the checksum or the size is wrong
 */
export function parseTarHeader(block: Uint8Array): TarHeader {
  let unsigned = 8 * 32; // the checksum is taken as if its own field held blanks
  let high = 0;
  for (let i = 0; i < 148; i++) {
    unsigned += block[i]!;
    high += block[i]! >> 7;
  }
  for (let i = 156; i < 512; i++) {
    unsigned += block[i]!;
    high += block[i]! >> 7;
  }
  const signed = unsigned - 256 * high; // some old writers summed signed characters
  const checksum = parseNumber(block, 148, 8);
  if (checksum !== unsigned && checksum !== signed) {
    const start = String.fromCharCode(...block.subarray(0, 16));
    throw new WebDatasetError(
      'corrupt',
      `not a tar header: expected checksum ${unsigned}, got ${checksum}; the block begins with ${JSON.stringify(start)}`,
    );
  }
  const size = parseNumber(block, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0)
    throw new WebDatasetError('corrupt', `unreadable member size in tar header: got ${size}`);

  let name = untilNul(block.subarray(0, 100));
  const gnu = block[262] === 0x20 && block[263] === 0x20; // "ustar  ": GNU keeps other fields where the prefix is
  const prefix = gnu ? new Uint8Array(0) : untilNul(block.subarray(345, 500));
  if (prefix.length > 0) name = Buffer.concat([prefix, Buffer.from('/'), name]);
  let type = String.fromCharCode(block[156]!);
  if (type === '\0') type = name.at(-1) === 0x2f ? '5' : '0'; // V7 marks a directory by its trailing slash
  return { name: name.slice(), size, type };
}

/** Octal text, or GNU base-256 when the first bit is set. NaN when it is neither. */
function parseNumber(block: Uint8Array, start: number, length: number): number {
  const first = block[start]!;
  const end = start + length;
  if (first === 0x80 || first === 0xff) {
    let value = 0n;
    for (let i = start + 1; i < end; i++) value = (value << 8n) | BigInt(block[i]!);
    if (first === 0xff) value -= 1n << BigInt(8 * (length - 1));
    return Number(value);
  }
  let at = start;
  while (at < end && block[at] === 0x20) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  while (at < end && block[at] === 0x20) at++;
  return at === end || block[at] === 0 ? value : Number.NaN;
}
