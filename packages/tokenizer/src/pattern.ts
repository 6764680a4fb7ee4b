import { TokenizerError } from './tokenizer-error.ts';

/**
 * The default pre-tokenisation pattern: GPT-2's (contractions, words, numbers and marks with at most one space before them, white
 * space) with numbers cut after two digits, so that a small vocabulary does not spend itself on numbers and a box such as `0.45` always has the
 * same shape. White space is named by its Unicode property because `\s` means different characters in JavaScript and in tiktoken's
 * Rust; so training and encoding cut the same text in the same places.
 */
export const GPT_PATTERN: string = [
  "'(?:[sdmt]|ll|ve|re)",
  ' ?\\p{L}+',
  ' ?\\p{N}{1,2}',
  ' ?[^\\p{White_Space}\\p{L}\\p{N}]+',
  '\\p{White_Space}+(?!\\P{White_Space})',
  '\\p{White_Space}+',
].join('|');

/** GPT-2's own pattern, which Hugging Face's byte-level pre-tokeniser has built in (GPT-2, GPT-NeoX and many others). */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The pattern as a JavaScript expression, for training.
 *
 * @throws {TokenizerError} `invalid-pattern` when JavaScript cannot run it (tiktoken's own `cl100k_base` pattern, for one).
 */
export function compilePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'gu');
  } catch (cause) {
    throw new TokenizerError(
      'invalid-pattern',
      `Expected a pre-tokenisation pattern that both JavaScript and Rust can run, got ${JSON.stringify(pattern)}: ${String(cause)}. Use GPT_PATTERN, or write it without inline flags and possessive quantifiers.`,
      { cause },
    );
  }
}

const loneSurrogate = /\p{Surrogate}/u;

/**
 * Checks that a text has a UTF-8 form.
 *
 * @throws {TokenizerError} `invalid-text` naming the place of a lone surrogate: encoding it would silently change it to U+FFFD.
 */
export function assertWellFormed(text: string): void {
  if (typeof text !== 'string') throw new TokenizerError('invalid-text', `Expected a string, got ${typeof text}.`);
  const at = text.search(loneSurrogate);
  if (at < 0) return;
  const unit = text.charCodeAt(at).toString(16);
  throw new TokenizerError(
    'invalid-text',
    `Expected well-formed Unicode, got a lone surrogate (\\u${unit}) at index ${at} of ${text.length}. Repair the text (text.toWellFormed()) or leave it out.`,
  );
}
