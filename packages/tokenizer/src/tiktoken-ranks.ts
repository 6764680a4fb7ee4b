import { checkTokenizerData, MAX_VOCABULARY, type TokenizerData } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';

/** The ranks in tiktoken's file layout (`*.tiktoken`): one `base64 id` a line, which tiktoken in Python loads too. */
export function toTiktokenText(data: TokenizerData): string {
  return data.ranks.map((token, id) => (token === null ? '' : `${token} ${id}\n`)).join('');
}

/**
 * Reads tiktoken's file layout.
 *
 * @param text lines of `base64 id`
 * @param rest the parts that such a file does not hold
 * @throws {TokenizerError} `invalid-data` naming the line
 */
export function fromTiktokenText(
  text: string,
  rest: { pattern: string; specials: Record<string, number> },
): TokenizerData {
  const ranks: (string | null)[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const match = /^(\S+) (\d{1,9})\r?$/.exec(line);
    const id = Number(match?.[2]);
    if (!match || id >= MAX_VOCABULARY)
      throw new TokenizerError(
        'invalid-data',
        `Line ${index + 1}: expected "base64 id", got ${JSON.stringify(line.slice(0, 80))}.`,
      );
    while (ranks.length <= id) ranks.push(null);
    if (ranks[id] !== null) throw new TokenizerError('invalid-data', `Line ${index + 1}: id ${id} appears twice.`);
    ranks[id] = match[1]!;
  });
  return checkTokenizerData({ version: 1, ranks, ...rest });
}

/** The ranks in the compressed layout that the tiktoken class takes: runs of tokens with neighbouring ids, `! firstId token token …`. */
export function toRankRuns(ranks: TokenizerData['ranks']): string {
  const lines: string[][] = [];
  ranks.forEach((token, id) => {
    if (token === null) return;
    if (id === 0 || ranks[id - 1] === null) lines.push(['!', String(id)]);
    lines.at(-1)!.push(token);
  });
  return lines.map((line) => line.join(' ')).join('\n');
}

/** The inverse of {@link toRankRuns}. */
export function fromRankRuns(runs: string): TokenizerData['ranks'] {
  const ranks: (string | null)[] = [];
  for (const line of runs.split('\n')) {
    const [mark, first, ...tokens] = line.split(' ');
    if (mark !== '!') continue;
    while (ranks.length < Number(first)) ranks.push(null);
    for (const token of tokens) ranks.push(token);
  }
  return ranks;
}
