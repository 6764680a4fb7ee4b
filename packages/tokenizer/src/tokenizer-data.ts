import { TokenizerError } from './tokenizer-error.ts';

/** Names of the special tokens that every part of a study counts on. */
export const SPECIAL: {
  readonly endOfText: '<|endoftext|>';
  readonly imageStart: '<|image_start|>';
  readonly image: '<|image|>';
  readonly imageEnd: '<|image_end|>';
  readonly pad: '<|pad|>';
} = {
  endOfText: '<|endoftext|>',
  imageStart: '<|image_start|>',
  image: '<|image|>',
  imageEnd: '<|image_end|>',
  pad: '<|pad|>',
};

/** The same names in the order of their ids: `<|endoftext|>` is 0. */
export const SPECIAL_TOKENS: readonly string[] = [
  SPECIAL.endOfText,
  SPECIAL.imageStart,
  SPECIAL.image,
  SPECIAL.imageEnd,
  SPECIAL.pad,
];

/** A whole vocabulary as plain data: JSON in, JSON out, and its text is the same for the same vocabulary. */
export interface TokenizerData {
  version: 1;
  /** Pre-tokenisation pattern: text is cut into its matches before any merge. */
  pattern: string;
  /** Special tokens and their ids. No text ever encodes to one. */
  specials: Record<string, number>;
  /** Base64 of each token's bytes; the index is the id and the priority of its merge. `null` where the id is a special token's, or nobody's. */
  ranks: (string | null)[];
  /** Tokens that are found in text as they stand, before the pattern and longest first, and their ids (GPT-NeoX's runs of spaces). */
  added?: Record<string, number>;
  /** Unicode form that texts are brought to before they are encoded; absent: none, and nothing is lost. */
  normalizer?: 'NFC';
}

/** Most ids a vocabulary may have: guards against hostile files; twenty times the largest in use. */
export const MAX_VOCABULARY = 4_194_304;

/** Longest token in bytes: guards against hostile files. */
const MAX_TOKEN_BYTES = 65_536;

function fail(message: string): never {
  throw new TokenizerError('invalid-data', message);
}

/**
 * Checks a vocabulary from outside and returns it typed.
 *
 * @throws {TokenizerError} `invalid-data`: a field is missing, an id is taken twice, two tokens have the same bytes, or a byte that UTF-8 uses
 *   has no token (a text could then not be encoded).
 */
export function checkTokenizerData(value: unknown): TokenizerData {
  if (typeof value !== 'object' || value === null) fail(`Expected a vocabulary object, got ${String(value)}.`);
  const { version, pattern, specials, ranks, added = {}, normalizer } = value as Record<string, unknown>;
  if (version !== 1) fail(`Expected a vocabulary of version 1, got ${String(version)}.`);
  if (typeof pattern !== 'string' || pattern === '') fail(`Expected pattern to be a text, got ${String(pattern)}.`);
  if (!Array.isArray(ranks)) fail('Expected ranks to be a list of base64 texts and nulls.');
  if (typeof specials !== 'object' || specials === null || Array.isArray(specials))
    fail('Expected specials to be an object of ids by name.');
  if (typeof added !== 'object' || added === null || Array.isArray(added))
    fail('Expected added to be an object of ids by text.');
  if (normalizer !== undefined && normalizer !== 'NFC')
    fail(`Expected normalizer to be "NFC" or absent, got ${JSON.stringify(normalizer)}.`);
  if (ranks.length > MAX_VOCABULARY) fail(`Expected at most ${MAX_VOCABULARY} ranks, got ${ranks.length}.`);

  const idOf = new Map<string, number>();
  ranks.forEach((token: unknown, id) => {
    if (token === null) return;
    if (typeof token !== 'string' || token === '' || Buffer.from(token, 'base64').toString('base64') !== token)
      fail(`Expected rank ${id} to be the base64 of at least one byte, got ${JSON.stringify(token)}.`);
    if (token.length > (MAX_TOKEN_BYTES / 3) * 4) fail(`Expected rank ${id} to be at most ${MAX_TOKEN_BYTES} bytes.`);
    const before = idOf.get(token);
    if (before !== undefined) fail(`Ranks ${before} and ${id} have the same bytes (${token}).`);
    idOf.set(token, id);
  });
  for (let byte = 0; byte < 256; byte++) {
    if (neverInUtf8(byte)) continue;
    const token = Buffer.of(byte).toString('base64');
    if (!idOf.has(token))
      fail(
        `Byte 0x${byte.toString(16).padStart(2, '0')} has no token: expected every byte of UTF-8, or some text cannot be encoded.`,
      );
  }
  const owner = new Map<number, string>();
  for (const [name, id] of [...Object.entries(specials), ...Object.entries(added)]) {
    if (name === '') fail('A special or added token has an empty name.');
    if (!Number.isSafeInteger(id) || id < 0 || id >= MAX_VOCABULARY)
      fail(`Expected the id of ${name} to be a whole number from 0 to ${MAX_VOCABULARY - 1}, got ${String(id)}.`);
    if (typeof ranks[id] === 'string') fail(`Id ${id} belongs to both ${name} and the rank ${ranks[id]}.`);
    if (owner.has(id)) fail(`Id ${id} belongs to both ${owner.get(id)} and ${name}.`);
    owner.set(id, name);
  }
  for (const text of Object.keys(added))
    if (Object.hasOwn(specials, text)) fail(`${text} is both a special and an added token.`);
  return {
    version,
    pattern,
    specials: { ...(specials as Record<string, number>) },
    ranks: ranks.slice(),
    ...(Object.keys(added).length > 0 && { added: { ...(added as Record<string, number>) } }),
    ...(normalizer && { normalizer }),
  };
}

/** Thirteen bytes that no valid UTF-8 holds; GPT-NeoX's vocabulary, for one, has no tokens for them. */
function neverInUtf8(byte: number): boolean {
  return byte === 0xc0 || byte === 0xc1 || byte >= 0xf5;
}

/** Number of ids, special tokens included: one more than the largest. */
export function vocabularySize(data: TokenizerData): number {
  const own = [...Object.values(data.specials), ...Object.values(data.added ?? {})];
  return own.reduce((size, id) => Math.max(size, id + 1), data.ranks.length);
}

/** The vocabulary as JSON text, one token a line; {@link parseTokenizer} reads it. */
export function stringifyTokenizer(data: TokenizerData): string {
  const { ranks, ...rest } = checkTokenizerData(data);
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"ranks":[\n${ranks.map((token) => JSON.stringify(token)).join(',\n')}\n]}\n`;
}

/**
 * Reads what {@link stringifyTokenizer} wrote.
 *
 * @throws {TokenizerError} `invalid-data`
 */
export function parseTokenizer(json: string): TokenizerData {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new TokenizerError('invalid-data', `Expected a vocabulary as JSON: ${String(cause)}`, { cause });
  }
  return checkTokenizerData(value);
}
