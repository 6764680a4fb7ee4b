import type { ByteReader } from './byte-reader.ts';
import { WebDatasetError } from './errors.ts';
import type { GroupOptions, ShardEvent } from './sample-groups.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Samples of a text shard (DCLM's `jsonl.zst`): each line is the member `json` of a sample whose key is the line's number. Lines
 * without a visible character belong to no sample.
 *
 * @throws WebDatasetError `limit` for a line over `limits.maxMemberBytes`; `truncated` when the last line has neither an end nor whole JSON
 */
export async function* readLines(
  shard: string,
  bytes: ByteReader,
  { limits, from, wanted }: GroupOptions,
): AsyncGenerator<ShardEvent[], void> {
  let index = from.sample;
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let start = bytes.position;
  let events: ShardEvent[] = [];

  const finish = (line: Uint8Array): void => {
    let end = line.length;
    if (line[end - 1] === carriageReturn) end--;
    const first = start === 0 && byteOrderMark.every((byte, i) => line[i] === byte) ? byteOrderMark.length : 0;
    const json = end === line.length && first === 0 ? line : line.slice(first, end);
    start = bytes.position;
    if (isBlank(json)) {
      events.push({ kind: 'ignored' });
      return;
    }
    const sample = { key: String(index).padStart(9, '0'), shard, index, members: { json } };
    index++;
    if (wanted?.(sample.index) ?? true)
      events.push({ kind: 'sample', sample, next: { sample: index, offset: bytes.position } });
  };

  while (await bytes.fill()) {
    while (bytes.atHand > 0) {
      const found = bytes.chunk.indexOf(newline, bytes.at);
      const size = found < 0 ? bytes.atHand : found - bytes.at;
      if (begunBytes + size > limits.maxMemberBytes) {
        yield events;
        throw new WebDatasetError(
          'limit',
          `expected lines of at most ${limits.maxMemberBytes} bytes (limits.maxMemberBytes), got a longer one; raise the limit if you trust the shard`,
          { offset: start },
        );
      }
      const part = bytes.copy(size);
      if (found < 0) {
        begun.push(part);
        begunBytes += size;
        break;
      }
      bytes.advance(1);
      finish(begun.length === 0 ? part : new Uint8Array(Buffer.concat([...begun, part])));
      begun = [];
      begunBytes = 0;
    }
    if (events.length > 0) yield events;
    events = [];
  }
  if (begunBytes === 0) return;
  const line = new Uint8Array(Buffer.concat(begun));
  if (!isBlank(line) && !isJson(line)) {
    throw new WebDatasetError(
      'truncated',
      'the last line is cut off: it has no end and is not JSON; fetch or write the shard again',
      {
        offset: start,
      },
    );
  }
  finish(line);
  yield events;
}

/** Of white space as JSON has it, if anything. */
function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === carriageReturn);
}

function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(line));
    return true;
  } catch {
    return false;
  }
}
