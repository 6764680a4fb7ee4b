import { TokenizerError } from './tokenizer-error.ts';

/** Longest token, in bytes, that is taken apart: guards against hostile files, the work grows with its square. */
const MAX_PARTS = 4096;

/**
 * What the merges of other tokens leave of a token's bytes, the one with the lowest id first.
 *
 * @param token one character per byte
 * @param rankOf ids of the tokens that are merged, as such texts
 * @returns two parts where the token has a merge of its own; none of a token that is longer than any of use
 */
export function partsOf(token: string, rankOf: { get(token: string): number | undefined }): string[] {
  const parts = token.length <= MAX_PARTS ? token.split('') : [];
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
    if (best < 0) break;
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
  return parts;
}

/**
 * The two parts that a token's own merge joins: what the merges before it leave of its bytes. This is how tiktoken works, which knows
 * tokens by their bytes and the order of their ids.
 *
 * @param token one character per byte
 * @param rankOf ids of the tokens before it, as such texts
 * @throws {TokenizerError} `invalid-data` when more than two parts are left
 */
export function halves(
  token: string,
  rankOf: { get(token: string): number | undefined },
  id: number,
): [string, string] {
  const parts = partsOf(token, rankOf);
  if (parts.length !== 2)
    throw new TokenizerError('invalid-data', `Token ${id} cannot be made by merges of the tokens before it.`);
  return [parts[0]!, parts[1]!];
}
