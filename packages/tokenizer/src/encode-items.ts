import type { Tokenizer } from './create-tokenizer.ts';
import { checkPatches, type EncodedItem, ItemBuilder } from './encoded-item.ts';
import { SPECIAL } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { strip } from './white-space.ts';

/**
 * A text document: its tokens and `<|endoftext|>`, loss on all of them.
 *
 * @param text as it is; white space is kept
 * @throws {TokenizerError} `invalid-text` when empty or not well-formed
 */
export function encodeDocument(tokenizer: Tokenizer, text: string): EncodedItem {
  if (text === '') throw new TokenizerError('invalid-text', 'Expected a document of at least one character, got "".');
  return new ItemBuilder(tokenizer).text(text, 1).special(SPECIAL.endOfText, 1).build();
}

/**
 * An image with its caption: `<|image_start|> <|image|>×P <|image_end|> caption <|endoftext|>`, loss on the caption and `<|endoftext|>` only.
 *
 * @param caption stripped at both ends
 * @param options.patches placeholders per image
 * @throws {TokenizerError} `invalid-text` when nothing is left of the caption
 */
export function encodeCaption(tokenizer: Tokenizer, caption: string, options: { patches: number }): EncodedItem {
  const text = strip(caption);
  if (text === '')
    throw new TokenizerError(
      'invalid-text',
      `Expected a caption with at least one visible character, got ${JSON.stringify(caption)}.`,
    );
  return new ItemBuilder(tokenizer)
    .image(checkPatches(options.patches))
    .text(text, 1)
    .special(SPECIAL.endOfText, 1)
    .build();
}

/** What stands before a caption in training: `<|endoftext|> <|image_start|> <|image|>×P <|image_end|>`. Generate from here to `<|endoftext|>`. */
export function captionPrompt(tokenizer: Tokenizer, options: { patches: number }): Int32Array {
  return new ItemBuilder(tokenizer).special(SPECIAL.endOfText, 0).image(checkPatches(options.patches)).build().tokens;
}
