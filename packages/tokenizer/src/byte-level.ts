/** GPT-2's table: each byte as one printable character, so that a JSON key can hold it. */
const charOfByte: string[] = [];
for (let byte = 0, spare = 256; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  charOfByte.push(String.fromCharCode(printable ? byte : spare++));
}
const byteOfChar = new Map(charOfByte.map((char, byte) => [char, byte]));

/** Bytes as characters of the table. */
export function toChars(bytes: Uint8Array): string {
  let chars = '';
  for (const byte of bytes) chars += charOfByte[byte];
  return chars;
}

/** The inverse of {@link toChars}; `undefined` for a text with other characters. */
export function fromChars(chars: string): Uint8Array | undefined {
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; i++) {
    const byte = byteOfChar.get(chars[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
