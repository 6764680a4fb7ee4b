import { toChars } from './byte-level.ts';
import { halves } from './merges.ts';
import { checkTokenizerData, type TokenizerData } from './tokenizer-data.ts';

/**
 * The vocabulary in the layout of Hugging Face's `tokenizer.json` (BPE model, byte-level), as an object ready for `JSON.stringify`.
 * Merges are found again from the ranks: a token's two halves are what the merges before it leave of its bytes.
 *
 * @throws {TokenizerError} `invalid-data` when a token cannot be made by merges, which that layout cannot express
 */
export function toHuggingFace(data: TokenizerData): Record<string, unknown> {
  const { ranks, specials, added = {}, normalizer, pattern } = checkTokenizerData(data);
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
  for (const [name, id] of Object.entries(specials)) vocab[name] = id;
  const addedTokens = [
    ...Object.entries(specials).map(([content, id]) => addedToken(content, id, true)),
    ...Object.entries(added).map(([content, id]) => addedToken(content, id, false)),
  ].sort((a, b) => a.id - b.id);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: normalizer === undefined ? null : { type: normalizer },
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

function addedToken(content: string, id: number, special: boolean) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special };
}
