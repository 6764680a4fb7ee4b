import { StudyError } from '../study-error.ts';

/** JSON of one element of a list; more would be no row but a file that is broken. */
const mostBytes = 2 ** 28;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const byteOrderMark = '\ufeff';

/**
 * The elements of a JSON list as texts, one by one: a file of a gigabyte is longer than a string can be. Only where an element ends is looked for here;
 * what it holds is for `JSON.parse`.
 *
 * @param where the file, for errors
 * @throws StudyError `bad-data` for anything but one list, whole
 */
export async function* listElements(chunks: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let [bytes, depth, elements] = [0, 0, 0];
  let [isText, isEscaped, isOver] = [false, false, false];
  const take = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes > mostBytes) throw bad(where, `row ${elements} has more than ${mostBytes} bytes`);
    if (part.length > 0) parts.push(part);
  };
  const taken = (): string => {
    const text = decoder.decode(Buffer.concat(parts));
    parts = [];
    bytes = 0;
    return text.trim();
  };
  for await (const given of chunks) {
    const chunk = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) isText = false;
        continue;
      }
      if (byte === quote) isText = true;
      else if (byte === openObject || byte === openList) {
        if (depth++ > 0) continue;
        take(chunk.subarray(start, i));
        const before = taken();
        if (byte !== openList || isOver || (before !== '' && before !== byteOrderMark))
          throw bad(where, isOver ? 'it goes on behind the list' : 'it begins otherwise');
        start = i + 1;
      } else if (depth === 1 && (byte === comma || byte === closeList)) {
        take(chunk.subarray(start, i));
        start = i + 1;
        const element = taken();
        if (byte === closeList) [depth, isOver] = [0, true];
        if (element !== '') yield element;
        else if (byte === comma || elements > 0) throw bad(where, `there is nothing at row ${elements}`);
        elements++;
      } else if (byte === closeObject || byte === closeList) depth--;
    }
    take(chunk.subarray(start));
  }
  if (!isOver) throw bad(where, depth === 0 ? 'it begins otherwise' : `it ends inside row ${elements}`);
  if (taken() !== '') throw bad(where, 'it goes on behind the list');
}

function bad(where: string, what: string): StudyError {
  return new StudyError('bad-data', `${where}: expected JSON: a list \`[…]\` of rows, and ${what}.`);
}
