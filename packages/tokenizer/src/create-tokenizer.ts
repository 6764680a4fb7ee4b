import { Tiktoken } from 'tiktoken/lite';
import { fastPattern, settled } from './fast-pattern.ts';
import { IdBuffer } from './id-buffer.ts';
import { assertWellFormed } from './pattern.ts';
import { textChunks } from './text-chunks.ts';
import { toRankRuns } from './tiktoken-ranks.ts';
import { checkTokenizerData, SPECIAL, type TokenizerData, vocabularySize } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { utf8Runs } from './utf8-runs.ts';
import { WordEncoder } from './word-encoder.ts';

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
   * Ids of a text. Never a special token: `<|endoftext|>` written in a text is ordinary characters. Decoding gives the text back, or its
   * normal form where the vocabulary has a `normalizer`.
   *
   * @returns [n] ids; empty for an empty text
   * @throws {TokenizerError} `invalid-text` for a lone surrogate
   */
  encode(text: string): Int32Array;
  /**
   * Ids of any bytes: valid UTF-8 stretches as text (never normalised), other bytes one token each. {@link Tokenizer.decodeBytes} gives the
   * same bytes back.
   *
   * @throws {TokenizerError} `invalid-text` for a byte without a token: a vocabulary may lack the thirteen that no UTF-8 holds
   */
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
  /** Finds words by itself; made when first needed where `words` do. */
  private tiktoken: Tiktoken | undefined;
  /** Takes a text for one word. */
  private readonly whole: Tiktoken | undefined;
  private readonly words: WordEncoder | undefined;
  /** Finds added tokens. */
  private readonly added: RegExp | undefined;
  private readonly out = new IdBuffer();
  private readonly bytesOf: (Uint8Array | undefined)[];
  private readonly lengthOf: Int32Array;
  private readonly idOfByte: Int32Array = new Int32Array(256).fill(-1);
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
    for (const [name, id] of [...Object.entries(data.specials), ...Object.entries(data.added ?? {})])
      this.bytesOf[id] = new Uint8Array(Buffer.from(name));
    if (data.added) this.added = anyOf(Object.keys(data.added));
    const pattern = fastPattern(data.pattern);
    if (pattern) {
      this.whole = startTiktoken(data, '(?s:.+)');
      this.words = new WordEncoder(this.whole, pattern);
    } else this.tiktoken = startTiktoken(data, data.pattern);
  }

  special(name: string): number {
    const id = Object.hasOwn(this.specials, name) ? this.specials[name] : undefined;
    if (id === undefined)
      throw new TokenizerError(
        'unknown-special',
        `Expected a special token called ${name}, the vocabulary has ${Object.keys(this.specials).join(', ') || 'none'}. Add it to specialTokens when the vocabulary is made; of a tokenizer.json that calls its end of text otherwise: fromHuggingFace(json, { endOfText }).`,
      );
    return id;
  }

  encode(text: string): Int32Array {
    assertWellFormed(text);
    this.out.length = 0; // where an error cut the last one short
    this.addText(this.data.normalizer ? text.normalize(this.data.normalizer) : text);
    return this.out.take();
  }

  encodeBytes(bytes: Uint8Array): Int32Array {
    this.out.length = 0;
    for (const run of utf8Runs(bytes)) {
      if (typeof run === 'string') this.addText(run);
      else this.out.push(this.idOfByte[run]! >= 0 ? this.idOfByte[run]! : noToken(run));
    }
    return this.out.take();
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
    if (!this.disposed) {
      this.tiktoken?.free();
      this.whole?.free();
    }
    this.disposed = true;
  }

  /** Added tokens first, then what stands between them. */
  private addText(text: string): void {
    if (this.disposed) throw new TokenizerError('invalid-argument', 'This tokenizer was disposed: make a new one.');
    let at = 0;
    if (this.added)
      for (const match of text.matchAll(this.added)) {
        this.addChunks(text.slice(at, match.index));
        this.out.push(this.data.added![match[0]]!);
        at = match.index + match[0].length;
      }
    this.addChunks(at === 0 ? text : text.slice(at));
  }

  private addChunks(text: string): void {
    for (const chunk of textChunks(text)) {
      if (chunk === '') continue;
      try {
        const done = this.words !== undefined && settled.test(chunk) && this.words.encode(chunk, this.out);
        if (!done) this.addWithTiktoken(chunk);
      } catch (cause) {
        if (TokenizerError.isInstance(cause)) throw cause;
        throw new TokenizerError('tiktoken-failed', `tiktoken could not encode a text of ${chunk.length} characters.`, {
          cause,
        });
      }
    }
  }

  private addWithTiktoken(text: string): void {
    this.tiktoken ??= startTiktoken(this.data, this.data.pattern);
    const ids = this.tiktoken.encode_ordinary(text);
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += this.lengthOf[ids[i]!]!;
    const expected = Buffer.byteLength(text);
    if (length !== expected)
      throw new TokenizerError(
        'invalid-pattern',
        `The pattern leaves ${expected - length} of ${expected} bytes of a text out: expected one whose alternatives match every character.`,
      );
    this.out.append(ids);
  }
}

function startTiktoken(data: TokenizerData, pattern: string): Tiktoken {
  try {
    return new Tiktoken(toRankRuns(data.ranks), data.specials, pattern);
  } catch (cause) {
    throw new TokenizerError(
      'invalid-pattern',
      `tiktoken refuses the vocabulary; is the pattern valid in Rust? ${JSON.stringify(data.pattern)}`,
      { cause },
    );
  }
}

/** Matches any of the texts, the longest that fits at a place. */
function anyOf(texts: readonly string[]): RegExp {
  const escaped = [...texts]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (mark) => `\\u{${mark.charCodeAt(0).toString(16)}}`));
  return new RegExp(escaped.join('|'), 'gu');
}

function noToken(byte: number): never {
  throw new TokenizerError(
    'invalid-text',
    `The byte 0x${byte.toString(16)}, which no UTF-8 text holds, has no token in this vocabulary. Encode valid UTF-8, or use a vocabulary with all 256 bytes.`,
  );
}
