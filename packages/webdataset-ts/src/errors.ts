/** What went wrong; see {@link WebDatasetError}. */
export type WebDatasetErrorCode =
  /** An argument (option, pattern, key, member name) is not usable. */
  | 'invalid-argument'
  /** A saved position does not fit the shards it is used with. */
  | 'invalid-state'
  /** The byte source could not be opened or read. */
  | 'unreadable'
  /** The shard ends too early: inside a header, inside a member, or without an end-of-archive marker. */
  | 'truncated'
  /** The bytes are not a tar archive, or damaged. */
  | 'corrupt'
  /** The shard asks for more than a limit allows. */
  | 'limit'
  /** A valid archive uses something that this reader does not do. */
  | 'unsupported'
  /** One sample has two members with the same suffix. */
  | 'duplicate-member'
  /** A sample lacks a member that a decoder asks for. */
  | 'missing-member'
  /** A member's bytes are not what its suffix says. */
  | 'undecodable'
  /** A key comes back after another key: the members of a sample are not next to each other. */
  | 'duplicate-key';

/** Where it went wrong, as far as it is known. */
export interface ProblemPlace {
  /** The shard's path or address, as given. */
  shard?: string;
  /** Byte offset in the uncompressed archive; with the code `unreadable`, in the bytes as they are stored. */
  offset?: number;
  /** Key of the sample. */
  key?: string;
  /** Full name of the member. */
  member?: string;
}

/**
 * The one error class of this package. The message says what was expected, what came, where, and what to do; `code` is for programs.
 */
export class WebDatasetError extends Error {
  override readonly name: string = 'WebDatasetError';
  readonly code: WebDatasetErrorCode;
  readonly shard: string | undefined;
  readonly offset: number | undefined;
  readonly key: string | undefined;
  readonly member: string | undefined;

  constructor(code: WebDatasetErrorCode, message: string, place: ProblemPlace = {}, cause?: unknown) {
    const where =
      place.shard === undefined
        ? ''
        : `${place.shard}${place.offset === undefined ? '' : ` at byte ${place.offset}`}: `;
    super(`${where}${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.shard = place.shard;
    this.offset = place.offset;
    this.key = place.key;
    this.member = place.member;
  }

  /** True for errors of this package, also of a second installed copy of it. */
  static isInstance(error: unknown): error is WebDatasetError {
    return error instanceof Error && error.name === 'WebDatasetError' && 'code' in error;
  }
}
