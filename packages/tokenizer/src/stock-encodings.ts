import { createRequire } from 'node:module';
import { fromRankRuns } from './tiktoken-ranks.ts';
import { checkTokenizerData, SPECIAL_TOKENS, type TokenizerData, vocabularySize } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/** Encodings that come with tiktoken. */
export const STOCK_ENCODINGS = ['gpt2', 'r50k_base', 'p50k_base', 'p50k_edit', 'cl100k_base', 'o200k_base'] as const;
export type StockEncoding = (typeof STOCK_ENCODINGS)[number];

/**
 * A vocabulary that comes with tiktoken, with special tokens that it lacks added behind its largest id.
 *
 * @param name `gpt2`, `cl100k_base`, …
 * @param options.specialTokens names to add where they are missing; by default the image tokens and `<|pad|>`. `<|endoftext|>` keeps its own id
 *   (50256 in `gpt2`), so read it from {@link Tokenizer.eot} and never take it for 0.
 * @throws {TokenizerError} `invalid-argument` for an unknown name
 */
export function stockEncoding(name: StockEncoding, options: { specialTokens?: readonly string[] } = {}): TokenizerData {
  if (!STOCK_ENCODINGS.includes(name))
    throw new TokenizerError(
      'invalid-argument',
      `Unknown encoding ${JSON.stringify(name)}: expected one of ${STOCK_ENCODINGS.join(', ')}.`,
    );
  const stock = createRequire(import.meta.url)(`tiktoken/encoders/${name}.json`) as {
    pat_str: string;
    special_tokens: Record<string, number>;
    bpe_ranks: string;
  };
  const data = checkTokenizerData({
    version: 1,
    pattern: stock.pat_str,
    specials: stock.special_tokens,
    ranks: fromRankRuns(stock.bpe_ranks),
  });
  let next = vocabularySize(data);
  for (const special of options.specialTokens ?? SPECIAL_TOKENS) {
    if (data.specials[special] === undefined) data.specials[special] = next++;
  }
  return data;
}
