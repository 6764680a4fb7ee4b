import type { ByteReader } from './byte-reader.ts';
import { WebDatasetError, type WebDatasetErrorCode } from './errors.ts';
import type { ReadLimits } from './limits.ts';
import { parsePaxRecords } from './pax.ts';
import { blockBytes, paddingOf } from './tar-encode.ts';
import { isZeroBlock, parseTarHeader, type TarHeader, textUntilNul } from './tar-header.ts';

/** A member as its headers describe it. */
export interface TarMember {
  name: string;
  size: number;
  /** Offset of the first header block that belongs to it. */
  offset: number;
  /** `file` has bytes that belong to a sample; `other` (directory, device, volume label) has none. */
  kind: 'file' | 'other';
  /** Why a member that should have bytes has none that this reader can give. */
  problem?: { code: WebDatasetErrorCode; message: string };
}

const regularTypes = new Set(['0', '7', 'S']);
/** Types that never carry data, whatever their size field says: links, devices, directories, FIFOs. */
const dataLessTypes = new Set(['1', '2', '3', '4', '5', '6']);
const linkTypes: Readonly<Record<string, string>> = { '1': 'a hard link', '2': 'a symbolic link' };

/** Walks over the members of a tar stream, knowing the position of each. */
export class TarReader {
  readonly #bytes: ByteReader;
  readonly #limits: ReadLimits;
  readonly #compatible: boolean;
  /** Bytes of the current member (data and padding) not yet consumed. */
  #pending = 0;
  #size = 0;
  #sawEnd = false;

  constructor(bytes: ByteReader, limits: ReadLimits, compatible: boolean) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#compatible = compatible;
  }

  /**
   * The next member if it can be had without waiting and is a plain file: the way of nearly all members.
   *
   * @throws WebDatasetError `corrupt`, with the offset
   */
  tryNext(): TarMember | undefined {
    const bytes = this.#bytes;
    if (bytes.atHand < this.#pending + blockBytes) return undefined;
    const start = bytes.at + this.#pending;
    if (bytes.chunk[start] === 0 || bytes.chunk[start + 156] !== 0x30 /* "0" */) return undefined;
    bytes.advance(this.#pending);
    this.#pending = 0;
    const offset = bytes.position;
    const { name, size } = this.#parse(bytes.chunk, start, offset);
    if (name === undefined) return undefined; // the other way reports it
    bytes.advance(blockBytes);
    this.#sawEnd = false;
    this.#size = size;
    this.#pending = size + paddingOf(size);
    return { name, size, offset, kind: 'file' };
  }

  /** The bytes of the member returned last, if they are at hand; in memory of their own. */
  tryData(): Uint8Array | undefined {
    if (this.#size > this.#bytes.atHand || this.#size > this.#limits.maxMemberBytes) return undefined;
    this.#pending -= this.#size;
    return this.#bytes.copy(this.#size);
  }

  /**
   * The next member, or `undefined` at the end.
   *
   * @throws WebDatasetError `truncated`, `corrupt` or `limit`, with the offset
   */
  async next(): Promise<TarMember | undefined> {
    await this.#finishMember();
    let offset: number | undefined;
    /** `false`: there was one, and it is not UTF-8. */
    let longName: string | false | undefined;
    let longSize: number | undefined;
    let sparse = false;
    let zeroBytes = 0;
    for (;;) {
      const at = this.#bytes.position;
      const block = await this.#bytes.read(blockBytes);
      if (block.length < blockBytes || isZeroBlock(block)) {
        if (offset !== undefined)
          throw truncated(at, 'expected the header that an extended header announced, got the end');
        if (block.length < blockBytes) return this.#end(at, block);
        this.#sawEnd = true;
        if (this.#compatible) return undefined;
        zeroBytes += blockBytes;
        if (zeroBytes > this.#limits.maxZeroBytes)
          throw overLimit(at, 'maxZeroBytes', this.#limits.maxZeroBytes, 'more zeros');
        continue;
      }
      const header = this.#parse(block, 0, at);
      this.#sawEnd = false;
      offset ??= at;
      if ('xXgLK'.includes(header.type)) {
        const body = await this.#extension(header.size, at);
        if (header.type === 'L') longName ??= textUntilNul(body) ?? false;
        else if (header.type !== 'K') {
          const records = located(at, () => parsePaxRecords(body));
          if (header.type === 'g') {
            if (records.has('path') || records.has('size')) {
              throw new WebDatasetError(
                'unsupported',
                'a global PAX header sets "path" or "size" for all members; write the archive again without it',
                { offset: at },
              );
            }
            offset = undefined; // describes no member: the next one stands on its own
            continue;
          }
          longName ??= (records.get('GNU.sparse.name') ?? records.get('path'))?.replace(/\/+$/, '') || undefined;
          longSize ??= paxSize(records.get('size'), at);
          for (const key of records.keys()) sparse ||= key.startsWith('GNU.sparse.');
        }
        continue;
      }
      const size = longSize ?? header.size;
      const name = (longName ?? header.name) || '';
      const member: TarMember = { name, size, offset, kind: regularTypes.has(header.type) ? 'file' : 'other' };
      if ((longName ?? header.name ?? false) === false)
        member.problem = { code: 'unsupported', message: 'the name of a member is not UTF-8; rename it' };
      if (linkTypes[header.type] !== undefined) {
        member.problem ??= {
          code: 'unsupported',
          message: `${JSON.stringify(member.name)} is ${linkTypes[header.type]}, which has no bytes of its own; archive with links followed (tar --hard-dereference --dereference)`,
        };
      }
      if (sparse || header.type === 'S') {
        member.problem ??= {
          code: 'unsupported',
          message: `${JSON.stringify(member.name)} is a sparse file; archive without --sparse`,
        };
        if (header.type === 'S') await this.#skipOldSparseMaps(block);
      }
      this.#size = dataLessTypes.has(header.type) ? 0 : size;
      this.#pending = this.#size + paddingOf(this.#size);
      return member;
    }
  }

  /** The bytes of the member that {@link next} returned last, in memory of their own. */
  async data(): Promise<Uint8Array> {
    const at = this.#bytes.position;
    if (this.#size > this.#limits.maxMemberBytes)
      throw overLimit(at, 'maxMemberBytes', this.#limits.maxMemberBytes, `a member of ${this.#size} bytes`);
    const bytes = await this.#bytes.read(this.#size);
    if (bytes.length < this.#size)
      throw truncated(
        this.#bytes.position,
        `expected ${this.#size} bytes of a member from byte ${at} on, got ${bytes.length}`,
      );
    this.#pending -= this.#size;
    return bytes;
  }

  #parse(bytes: Uint8Array, start: number, at: number): TarHeader {
    try {
      return parseTarHeader(bytes, start);
    } catch (error) {
      throw relocated(error, at, this.#whatItMayBe(at, bytes.subarray(start, start + blockBytes)));
    }
  }

  #whatItMayBe(at: number, block: Uint8Array): string {
    if (at === 0 && isJsonLine(block)) return `${jsonLines}: `;
    if (at === 0) return 'this does not look like a tar archive: ';
    return this.#sawEnd ? 'bytes behind the end of the archive: ' : '';
  }

  async #extension(size: number, at: number): Promise<Uint8Array> {
    if (size > this.#limits.maxHeaderBytes)
      throw overLimit(at, 'maxHeaderBytes', this.#limits.maxHeaderBytes, `an extended header of ${size} bytes`);
    const body = await this.#bytes.read(size);
    const padding = paddingOf(size);
    if (body.length < size || (await this.#bytes.skip(padding)) < padding)
      throw truncated(this.#bytes.position, 'the shard ends inside an extended header');
    return body;
  }

  /** Old GNU sparse headers continue in further blocks while a flag is set. */
  async #skipOldSparseMaps(header: Uint8Array): Promise<void> {
    for (let more = header[482] !== 0; more; ) {
      const map = await this.#bytes.read(blockBytes);
      if (map.length < blockBytes) throw truncated(this.#bytes.position, 'the shard ends inside a sparse header');
      more = map[504] !== 0;
    }
  }

  async #finishMember(): Promise<void> {
    const skipped = this.#pending === 0 ? 0 : await this.#bytes.skip(this.#pending);
    if (skipped < this.#pending)
      throw truncated(
        this.#bytes.position,
        `${this.#pending - skipped} bytes of the last member and its padding are missing`,
      );
    this.#pending = 0;
  }

  #end(at: number, rest: Uint8Array): undefined {
    if (at === 0 && rest.length === 0) throw truncated(0, 'the shard is empty');
    if (at === 0 && isJsonLine(rest))
      throw new WebDatasetError('corrupt', `${jsonLines}: there is no tar header`, { offset: at });
    if (rest.length > 0 && !(this.#sawEnd && isZeroBlock(rest)))
      throw truncated(at, `expected a header of ${blockBytes} bytes, got ${rest.length}`);
    if (!this.#sawEnd && !this.#compatible) {
      throw truncated(
        at,
        'the shard has no end-of-archive marker (zero blocks), so it may have been cut between two members',
      );
    }
    return undefined;
  }
}

const jsonLines = "this looks like JSON lines, which are told by names as .jsonl.gz: give { format: 'jsonl' }";

/** Begins like a JSON object or list of them: `{"`, which no name of a member does in practice. */
function isJsonLine(block: Uint8Array): boolean {
  return /^(\xef\xbb\xbf)?\s*\{\s*["}]/.test(Buffer.from(block.subarray(0, 64)).toString('latin1'));
}

function truncated(offset: number, message: string): WebDatasetError {
  return new WebDatasetError('truncated', `${message}; fetch or write the shard again`, { offset });
}

function overLimit(offset: number, name: keyof ReadLimits, limit: number, got: string): WebDatasetError {
  return new WebDatasetError(
    'limit',
    `expected at most ${limit} (limits.${name}), got ${got}; raise the limit if you trust the shard`,
    { offset },
  );
}

function paxSize(text: string | undefined, offset: number): number | undefined {
  if (text === undefined || text === '') return undefined;
  const size = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size))
    throw new WebDatasetError('corrupt', `PAX header: expected a size in digits, got ${JSON.stringify(text)}`, {
      offset,
    });
  return size;
}

/** Adds the place to an error that does not know it. */
function located<T>(offset: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw relocated(error, offset, '');
  }
}

function relocated(error: unknown, offset: number, before: string): unknown {
  return WebDatasetError.isInstance(error)
    ? new WebDatasetError(error.code, before + error.message, { offset })
    : error;
}
