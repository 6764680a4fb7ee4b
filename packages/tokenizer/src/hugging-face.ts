import { checkTokenizerData, type TokenizerData } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/** GPT-2's table: each byte as one printable character, so that a JSON key can hold it. */
const charOfByte: string[] = [];
for (let byte = 0, spare = 256; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  charOfByte.push(String.fromCharCode(printable ? byte : spare++));
}
const byteOfChar = new Map(charOfByte.map((char, byte) => [char, byte]));

/**
 * The vocabulary in the layout of Hugging Face's `tokenizer.json` (BPE model, byte-level), as an object ready for `JSON.stringify`.
 * Merges are found again from the ranks: a token's two halves are what the merges before it leave of its bytes.
 */
export function toHuggingFace(data: TokenizerData): Record<string, unknown> {
  const { ranks, specials, pattern } = checkTokenizerData(data);
  const tokens = ranks.map((token) => (token === null ? null : toChars(Buffer.from(token, 'base64'))));
  const vocab: Record<string, number> = Object.create(null);
  const rankOf = new Map<string, number>();
  const merges: [string, string][] = [];
  tokens.forEach((token, id) => {
    if (token === null) return;
    vocab[token] = id;
    if (token.length > 1) merges.push(halves(token, rankOf, id));
    rankOf.set(token, id);
  });
  const added = Object.entries(specials)
    .sort(([, a], [, b]) => a - b)
    .map(([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    }));
  for (const { content, id } of added) vocab[content] = id;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, byteLevel],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}

/**
 * Reads a `tokenizer.json` of the kind that {@link toHuggingFace} writes: byte-level BPE with a `Split` pattern and ids in merge order.
 *
 * @throws {TokenizerError} `invalid-data` for another kind of tokenizer
 */
export function fromHuggingFace(json: unknown): TokenizerData {
  const file = json as {
    added_tokens?: { id: number; content: string }[];
    model?: { type?: string; vocab?: Record<string, number> };
    pre_tokenizer?: { pretokenizers?: { type?: string; pattern?: { Regex?: string } }[] };
  } | null;
  const pattern = file?.pre_tokenizer?.pretokenizers?.find(({ type }) => type === 'Split')?.pattern?.Regex;
  const vocab = file?.model?.vocab;
  if (file?.model?.type !== 'BPE' || typeof vocab !== 'object' || typeof pattern !== 'string')
    throw new TokenizerError(
      'invalid-data',
      'Expected a tokenizer.json with a BPE model and a Split pre-tokenizer with a Regex.',
    );
  const specials = Object.fromEntries((file.added_tokens ?? []).map(({ content, id }) => [content, id]));
  const ranks: (string | null)[] = [];
  for (const [token, id] of Object.entries(vocab)) {
    if (Object.hasOwn(specials, token)) continue;
    if (!Number.isSafeInteger(id) || id < 0 || id > 4_194_303)
      throw new TokenizerError('invalid-data', `Expected the id of ${token} to be a whole number, got ${id}.`);
    const bytes = Buffer.from(Array.from(token, (char) => byteOfChar.get(char) ?? Number.NaN));
    if (toChars(bytes) !== token)
      throw new TokenizerError('invalid-data', `Expected token ${id} to be byte-level, got ${JSON.stringify(token)}.`);
    while (ranks.length <= id) ranks.push(null);
    ranks[id] = bytes.toString('base64');
  }
  return checkTokenizerData({ version: 1, pattern, specials, ranks });
}

function toChars(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => charOfByte[byte]).join('');
}

/** The two parts that a token's own merge joins. */
function halves(token: string, rankOf: ReadonlyMap<string, number>, id: number): [string, string] {
  const parts = Array.from(token);
  while (parts.length > 2) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = rankOf.get(parts[i]! + parts[i + 1]!);
      if (rank !== undefined && rank < bestRank) {
        best = i;
        bestRank = rank;
      }
    }
    if (best < 0)
      throw new TokenizerError('invalid-data', `Token ${id} cannot be made by merges of the tokens before it.`);
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
  return [parts[0]!, parts[1]!];
}
