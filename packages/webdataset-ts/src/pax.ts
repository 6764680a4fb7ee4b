import { WebDatasetError } from './errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Encodes PAX extended header records (`LENGTH key=value\n`, where the length counts itself). POSIX.1-2001, pax interchange format. */
export function encodePaxRecords(records: Readonly<Record<string, string>>): Uint8Array {
  let text = '';
  for (const [key, value] of Object.entries(records)) {
    const body = ` ${key}=${value}\n`;
    const bodyBytes = encoder.encode(body).length;
    let length = bodyBytes + String(bodyBytes).length;
    length = bodyBytes + String(length).length;
    text += `${length}${body}`;
  }
  return encoder.encode(text);
}

/**
 * Parses PAX extended header records.
 *
 * @throws WebDatasetError `corrupt` when a record's length or shape is wrong, or its text is not UTF-8.
 */
export function parsePaxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 12 ? '' : String.fromCharCode(...bytes.subarray(at, space));
    const length = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (length === 0 || end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw new WebDatasetError(
        'corrupt',
        `damaged PAX header: expected "LENGTH key=value\\n" at its byte ${at}, got ${JSON.stringify(String.fromCharCode(...bytes.subarray(at, at + 24)))}`,
      );
    }
    try {
      records.set(
        decoder.decode(bytes.subarray(space + 1, equals)),
        decoder.decode(bytes.subarray(equals + 1, end - 1)),
      );
    } catch {
      throw new WebDatasetError('corrupt', `damaged PAX header: the record at its byte ${at} is not UTF-8`);
    }
    at = end;
  }
  return records;
}
