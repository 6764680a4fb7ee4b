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
  let unsigned = 0;
  let signed = 0; // some old writers summed signed characters
  for (let i = 0; i < 512; i++) {
    const byte = i >= 148 && i < 156 ? 32 : block[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const checksum = parseNumber(block.subarray(148, 156));
  if (checksum !== unsigned && checksum !== signed) {
    const start = String.fromCharCode(...block.subarray(0, 16));
    throw new WebDatasetError(
      'corrupt',
      `not a tar header: expected checksum ${unsigned}, got ${checksum}; the block begins with ${JSON.stringify(start)}`,
    );
  }
  const size = parseNumber(block.subarray(124, 136));
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
function parseNumber(field: Uint8Array): number {
  const first = field[0]!;
  if (first === 0x80 || first === 0xff) {
    let value = 0n;
    for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
    if (first === 0xff) value -= 1n << BigInt(8 * (field.length - 1));
    return Number(value);
  }
  const text = String.fromCharCode(...untilNul(field)).trim();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}
