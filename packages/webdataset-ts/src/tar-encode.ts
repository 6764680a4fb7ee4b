/**
 * Tar bytes that depend on names and contents alone: POSIX ustar headers with fixed owner, mode and time, PAX records where a name is
 * longer than 100 bytes or not ASCII, or a size does not fit eleven octal digits.
 */
import { encodePaxRecords } from './pax.ts';

/** Tar counts in blocks of 512 bytes. */
export const blockBytes = 512;

const encoder = new TextEncoder();
const largestOctalSize = 0o77777777777;

/** Number of bytes that fill `size` up to a whole block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

function encodeHeader(name: Uint8Array, size: number, type: string): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (at: number, text: string): void => {
    encoder.encodeInto(text, block.subarray(at));
  };
  block.set(name.subarray(0, 100), 0);
  put(100, '0000644\0');
  put(108, '0000000\0'); // owner
  put(116, '0000000\0'); // group
  put(124, `${size.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0'); // modification time
  put(148, '        '); // the checksum is taken over blanks
  put(156, type);
  put(257, 'ustar\u000000');
  let sum = 0;
  for (const byte of block) sum += byte;
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** The blocks that go in front of a member's bytes: its header, preceded by a PAX header where it needs one. */
export function encodeMemberHeader(name: string, size: number): Uint8Array[] {
  const bytes = encoder.encode(name);
  const records: Record<string, string> = {};
  if (bytes.length > 100 || bytes.length !== name.length) records['path'] = name;
  if (size > largestOctalSize) records['size'] = String(size);
  const header = encodeHeader(bytes, size > largestOctalSize ? 0 : size, '0');
  if (Object.keys(records).length === 0) return [header];
  const pax = encodePaxRecords(records);
  return [
    encodeHeader(encoder.encode('PaxHeader'), pax.length, 'x'),
    pax,
    new Uint8Array(paddingOf(pax.length)),
    header,
  ];
}

/** Two zero blocks end an archive. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * blockBytes);
