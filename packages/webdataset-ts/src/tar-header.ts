/**
 * One 512-byte tar header: POSIX ustar, GNU and V7. Ours rather than a library's, because a resumable reader needs the exact byte
 * position of every member and of every fault.
 */
import { WebDatasetError } from './errors.ts';
import { blockBytes } from './tar-encode.ts';

/** The fields that reading samples needs. */
export interface TarHeader {
  /** Name, with the ustar prefix in front; `undefined` when it is not UTF-8. */
  name: string | undefined;
  size: number;
  /** Type flag as a character; NUL reads as `0`. */
  type: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const types = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const slash = 0x2f;

export function isZeroBlock(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** UTF-8 text up to the first NUL; `undefined` when it is not UTF-8. */
export function textUntilNul(bytes: Uint8Array, start = 0, limit: number = bytes.length): string | undefined {
  let end = start;
  let high = 0;
  while (end < limit && bytes[end] !== 0) high |= bytes[end++]!;
  if (high < 0x80 && end - start < 256) return String.fromCharCode.apply(null, bytes.subarray(start, end) as never);
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/**
 * Parses the header block that begins at `start`.
 *
 * @throws WebDatasetError `corrupt` when the checksum or the size is wrong
 */
export function parseTarHeader(bytes: Uint8Array, start = 0): TarHeader {
  const end = start + blockBytes;
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i]!;
  for (let i = start + 148; i < start + 156; i++) sum += 32 - bytes[i]!; // taken as if its own field held blanks
  const checksum = parseNumber(bytes, start + 148, 8);
  if (checksum !== sum && checksum !== signedSum(bytes, start, sum)) {
    const text = String.fromCharCode(...bytes.subarray(start, start + 16));
    throw new WebDatasetError(
      'corrupt',
      `not a tar header: expected checksum ${sum}, got ${checksum}; the block begins with ${JSON.stringify(text)}`,
    );
  }
  const size = parseNumber(bytes, start + 124, 12);
  if (!Number.isSafeInteger(size) || size < 0)
    throw new WebDatasetError('corrupt', `unreadable member size in tar header: got ${size}`);

  const gnu = bytes[start + 262] === 0x20 && bytes[start + 263] === 0x20; // "ustar  ": GNU keeps other fields where the prefix is
  let name = textUntilNul(bytes, start, start + 100);
  if (!gnu && bytes[start + 345] !== 0) name = prefixedName(bytes, start);
  let type = types[bytes[start + 156]!]!;
  if (type === '\0') type = lastOfName(bytes, start) === slash ? '5' : '0'; // V7 marks a directory by its trailing slash
  return { name, size, type };
}

/** Some old writers summed signed characters. */
function signedSum(bytes: Uint8Array, start: number, unsigned: number): number {
  let high = 0;
  for (let i = 0; i < blockBytes; i++) if (i < 148 || i >= 156) high += bytes[start + i]! >> 7;
  return unsigned - 256 * high;
}

/** A character may lie across the two fields, so they are decoded together. */
function prefixedName(bytes: Uint8Array, start: number): string | undefined {
  const field = (from: number, to: number): Uint8Array => {
    const nul = bytes.indexOf(0, from);
    return bytes.subarray(from, nul < 0 || nul > to ? to : nul);
  };
  return textUntilNul(Buffer.concat([field(start + 345, start + 500), Buffer.of(slash), field(start, start + 100)]));
}

function lastOfName(bytes: Uint8Array, start: number): number | undefined {
  let end = start;
  while (end < start + 100 && bytes[end] !== 0) end++;
  return end > start ? bytes[end - 1] : undefined;
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
