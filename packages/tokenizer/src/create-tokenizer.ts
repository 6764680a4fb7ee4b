import { Tiktoken } from 'tiktoken/lite';
import { assertWellFormed } from './pattern.ts';
import { textChunks } from './text-chunks.ts';
import { toRankRuns } from './tiktoken-ranks.ts';
import { checkTokenizerData, SPECIAL, type TokenizerData, vocabularySize } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { utf8Runs } from './utf8-runs.ts';

/** A vocabulary at work. */
export interface Tokenizer {
  /** The vocabulary as plain data. */
  readonly data: TokenizerData;
  /** Number of ids, special tokens included: the model's vocabulary has at least as many rows. */
  readonly vocabSize: number;
  /** Id of `<|endoftext|>`. */
  readonly eot: number;
  /** Special tokens and their ids. */
  readonly specials: Readonly<Record<string, number>>;
  /** Id of a special token. @throws {TokenizerError} `unknown-special` */
  special(name: string): number;
  /**
   * Ids of a text. Never a special token: `<|endoftext|>` written in a text is ordinary characters.
   *
   * @returns [n] ids; empty for an empty text
   * @throws {TokenizerError} `invalid-text` for a lone surrogate
   */
  encode(text: string): Int32Array;
  /** Ids of any bytes: valid UTF-8 stretches as text, other bytes one token each. {@link Tokenizer.decodeBytes} gives the same bytes back. */
  encodeBytes(bytes: Uint8Array): Int32Array;
  /**
   * The text of ids. Bytes that are no UTF-8 (half a character) show as U+FFFD.
   *
   * @param options.specials `keep` writes special tokens by their name (default), `skip` leaves them out
   * @throws {TokenizerError} `invalid-id`
   */
  decode(ids: ArrayLike<number>, options?: { specials?: 'keep' | 'skip' }): string;
  /** The bytes of ids; see {@link Tokenizer.decode}. */
  decodeBytes(ids: ArrayLike<number>, options?: { specials?: 'keep' | 'skip' }): Uint8Array;
  /** The bytes of one token (of a special token: its name). @throws {TokenizerError} `invalid-id` */
  tokenBytes(id: number): Uint8Array;
  /** Frees tiktoken's memory; the tokenizer cannot encode afterwards. */
  dispose(): void;
}

/**
 * Makes a vocabulary encode (by tiktoken) and decode.
 *
 * @param data from {@link trainBpe}, {@link stockEncoding}, {@link parseTokenizer} or {@link fromTiktokenText}
 * @throws {TokenizerError} `invalid-data`, `invalid-pattern`, or `unknown-special` without `<|endoftext|>`
 *
 * @example
 * const tokenizer = createTokenizer(stockEncoding('gpt2'));
 * tokenizer.decode(tokenizer.encode('héllo')); // 'héllo'
 */
export function createTokenizer(data: TokenizerData): Tokenizer {
  return new TiktokenTokenizer(checkTokenizerData(data));
}

class TiktokenTokenizer implements Tokenizer {
  readonly data: TokenizerData;
  readonly vocabSize: number;
  readonly eot: number;
  readonly specials: Readonly<Record<string, number>>;
  private readonly tiktoken: Tiktoken;
  private readonly bytesOf: (Uint8Array | undefined)[];
  private readonly lengthOf: Int32Array;
  private readonly idOfByte: Int32Array = new Int32Array(256);
  private readonly isSpecial: ReadonlySet<number>;
  private disposed = false;

  constructor(data: TokenizerData) {
    this.data = data;
    this.specials = data.specials;
    this.vocabSize = vocabularySize(data);
    this.eot = this.special(SPECIAL.endOfText);
    this.isSpecial = new Set(Object.values(data.specials));
    this.bytesOf = data.ranks.map((token) =>
      token === null ? undefined : new Uint8Array(Buffer.from(token, 'base64')),
    );
    this.lengthOf = new Int32Array(this.vocabSize);
    this.bytesOf.forEach((bytes, id) => {
      if (bytes === undefined) return;
      this.lengthOf[id] = bytes.length;
      if (bytes.length === 1) this.idOfByte[bytes[0]!] = id;
    });
    for (const [name, id] of Object.entries(data.specials)) this.bytesOf[id] = new Uint8Array(Buffer.from(name));
    try {
      this.tiktoken = new Tiktoken(toRankRuns(data.ranks), data.specials, data.pattern);
    } catch (cause) {
      throw new TokenizerError(
        'invalid-pattern',
        `tiktoken refuses the vocabulary; is the pattern valid in Rust? ${JSON.stringify(data.pattern)}`,
        { cause },
      );
    }
  }

  special(name: string): number {
    const id = Object.hasOwn(this.specials, name) ? this.specials[name] : undefined;
    if (id === undefined)
      throw new TokenizerError(
        'unknown-special',
        `Expected a special token called ${name}, the vocabulary has ${Object.keys(this.specials).join(', ') || 'none'}. Add it to specialTokens when the vocabulary is made.`,
      );
    return id;
  }

  encode(text: string): Int32Array {
    assertWellFormed(text);
    const parts: Int32Array[] = [];
    for (const chunk of textChunks(text)) if (chunk !== '') parts.push(this.encodeChunk(chunk));
    return concat(parts);
  }

  encodeBytes(bytes: Uint8Array): Int32Array {
    const parts: Int32Array[] = [];
    for (const run of utf8Runs(bytes))
      parts.push(typeof run === 'string' ? this.encode(run) : Int32Array.of(this.idOfByte[run]!));
    return concat(parts);
  }

  decode(ids: ArrayLike<number>, options?: { specials?: 'keep' | 'skip' }): string {
    return Buffer.from(this.decodeBytes(ids, options).buffer).toString('utf8');
  }

  decodeBytes(ids: ArrayLike<number>, options: { specials?: 'keep' | 'skip' } = {}): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const bytes = this.tokenBytes(id, i);
      if (options.specials === 'skip' && this.isSpecial.has(id)) continue;
      parts.push(bytes);
      length += bytes.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  tokenBytes(id: number, position?: number): Uint8Array {
    const bytes = this.bytesOf[id];
    if (bytes === undefined)
      throw new TokenizerError(
        'invalid-id',
        `Expected a token id from 0 to ${this.vocabSize - 1}, got ${id}${position === undefined ? '' : ` at position ${position}`}. Is the vocabulary the one the ids were made with? (A model whose vocabulary was rounded up must not sample the rows behind the tokenizer's.)`,
      );
    return bytes;
  }

  dispose(): void {
    if (!this.disposed) this.tiktoken.free();
    this.disposed = true;
  }

  private encodeChunk(text: string): Int32Array {
    if (this.disposed) throw new TokenizerError('invalid-argument', 'This tokenizer was disposed: make a new one.');
    let ids: Uint32Array;
    try {
      ids = this.tiktoken.encode_ordinary(text);
    } catch (cause) {
      throw new TokenizerError('tiktoken-failed', `tiktoken could not encode a text of ${text.length} characters.`, {
        cause,
      });
    }
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += this.lengthOf[ids[i]!]!;
    const expected = Buffer.byteLength(text);
    if (length !== expected)
      throw new TokenizerError(
        'invalid-pattern',
        `The pattern leaves ${expected - length} of ${expected} bytes of a text out: expected one whose alternatives match every character.`,
      );
    return new Int32Array(ids.buffer, ids.byteOffset, ids.length);
  }
}

function concat(parts: Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
