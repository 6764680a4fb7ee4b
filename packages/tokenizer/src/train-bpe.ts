import { countWords } from './count-words.ts';
import { PairQueue } from './pair-queue.ts';
import { GPT_PATTERN } from './pattern.ts';
import { MAX_VOCABULARY, SPECIAL, SPECIAL_TOKENS, type TokenizerData } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { WordSegments } from './word-segments.ts';

export interface TrainBpeOptions {
  /** Number of ids, special tokens and the 256 bytes included. */
  vocabSize: number;
  /** Names of special tokens, ids from 0 on; the first has to be `<|endoftext|>`. */
  specialTokens?: readonly string[];
  /** Pre-tokenisation pattern, valid in JavaScript (flag u) and in Rust. */
  pattern?: string;
  /** Pairs seen less often than this are never merged. */
  minCount?: number;
  /** What to do when the texts run out of pairs first: an error, or a smaller vocabulary. */
  whenTooSmall?: 'error' | 'smaller';
}

/**
 * Trains a byte-level BPE vocabulary: start from the 256 bytes, again and again join the most frequent pair of neighbours (Sennrich et al.
 * 2016, on bytes as in GPT-2). Words are counted once; pair counts are kept up to date around each merge, so the cost depends on the number
 * of *different* words. Ties go to the lower left id, then the lower right id: the same texts give the same vocabulary everywhere.
 *
 * Ids: special tokens, then the 256 bytes in their order, then merges in the order in which they were found. A pair whose joined bytes are already a
 * token (`ab`+`c` after `a`+`bc`) becomes that token and takes no new id, because tiktoken knows tokens by their bytes.
 *
 * @param texts documents; nothing is merged across two of them
 * @throws {TokenizerError} `invalid-argument`, `invalid-text` (lone surrogate), `invalid-pattern`, `corpus-too-small`
 *
 * @example
 * const data = trainBpe(['the cat sat on the mat, the cat sat'], { vocabSize: 265 }); // 5 special tokens, 256 bytes, 4 merges
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): TokenizerData {
  const { vocabSize, specialTokens = SPECIAL_TOKENS, pattern = GPT_PATTERN, minCount = 2 } = options;
  checkOptions(options, specialTokens, minCount);
  const firstByte = specialTokens.length;
  const words = new WordSegments(countWords(texts, pattern), firstByte);

  const tokens: Uint8Array[] = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const idOf = new Map(tokens.map((bytes, byte) => [latin1(bytes), firstByte + byte]));
  const queue = new PairQueue();
  for (const pair of words.pairs()) queue.push(pair);

  while (firstByte + tokens.length < vocabSize) {
    const best = queue.pop();
    if (best === undefined || best.count < minCount) {
      if (options.whenTooSmall === 'smaller') break;
      throw new TokenizerError(
        'corpus-too-small',
        `The texts give ${firstByte + tokens.length} tokens, expected vocabSize ${vocabSize}: no pair is left that occurs ${minCount} times. Give more text, ask for a smaller vocabulary, or set whenTooSmall: 'smaller'.`,
      );
    }
    const count = words.count(best.left, best.right);
    if (count !== best.count) {
      // Queued before other merges took part of it away: back in line with what is left.
      if (count > 0 && count < best.count) queue.push({ ...best, count });
      continue;
    }
    const joined = Buffer.concat([tokens[best.left - firstByte]!, tokens[best.right - firstByte]!]);
    const known = idOf.get(latin1(joined));
    const id = known ?? firstByte + tokens.length;
    if (known === undefined) {
      tokens.push(joined);
      idOf.set(latin1(joined), id);
    }
    for (const pair of words.merge(best.left, best.right, id)) queue.push(pair);
  }
  return {
    version: 1,
    pattern,
    specials: Object.fromEntries(specialTokens.map((name, id) => [name, id])),
    ranks: [...specialTokens.map(() => null), ...tokens.map((bytes) => Buffer.from(bytes).toString('base64'))],
  };
}

/** A text with one character per byte: a map key. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function checkOptions(options: TrainBpeOptions, specialTokens: readonly string[], minCount: number): void {
  const { vocabSize } = options;
  const smallest = specialTokens.length + 256;
  if (!Number.isSafeInteger(vocabSize) || vocabSize < smallest || vocabSize > MAX_VOCABULARY)
    throw new TokenizerError(
      'invalid-argument',
      `Expected vocabSize from ${smallest} (${specialTokens.length} special tokens + 256 bytes) to ${MAX_VOCABULARY}, got ${vocabSize}.`,
    );
  if (specialTokens[0] !== SPECIAL.endOfText)
    throw new TokenizerError(
      'invalid-argument',
      `Expected the first special token to be ${SPECIAL.endOfText} (id 0), got ${String(specialTokens[0])}.`,
    );
  if (new Set(specialTokens).size !== specialTokens.length || specialTokens.includes(''))
    throw new TokenizerError(
      'invalid-argument',
      `Expected different, non-empty special tokens, got ${specialTokens.join(', ')}.`,
    );
  if (!Number.isSafeInteger(minCount) || minCount < 1)
    throw new TokenizerError(
      'invalid-argument',
      `Expected minCount to be a whole number of at least 1, got ${minCount}.`,
    );
}
