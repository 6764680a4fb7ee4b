import {
  type ConversationLayout,
  conversationPieces,
  countImages,
  type Piece,
  type Turn,
} from './conversation-pieces.ts';
import type { Tokenizer } from './create-tokenizer.ts';
import { checkPatches, type EncodedItem, ItemBuilder } from './encoded-item.ts';
import { resolveTemplate } from './templates.ts';
import { SPECIAL } from './tokenizer-data.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { strip } from './white-space.ts';

/** How a conversation is encoded. */
export interface ConversationOptions extends ConversationLayout {
  /** Placeholders per image; needed where a human turn has an `<image>`. */
  patches?: number;
  /** Number of images that come with the conversation: anything but as many `<image>` marks is then an error. */
  images?: number;
}

/**
 * A conversation to train on: loss on every answer and the token that ends it, on nothing else. Ends with `<|endoftext|>`.
 *
 * @param turns human and gpt in turn, from a human to a gpt
 * @throws {TokenizerError} `invalid-conversation` for another order, an unknown role, an empty answer, or marks that do not fit `images`
 *
 * @example
 * encodeConversation(tokenizer, [
 *   { from: 'human', value: '<image>\nWhat is this?' },
 *   { from: 'gpt', value: 'A cat.' },
 * ], { patches: 16 }); // In:⟨image⟩\nWhat is this?\nOut: A cat.<|endoftext|>
 */
export function encodeConversation(
  tokenizer: Tokenizer,
  turns: readonly Turn[],
  options: ConversationOptions = {},
): EncodedItem {
  checkImages(turns, options);
  const pieces = conversationPieces(turns, options);
  if (turns.at(-1)?.from !== 'gpt')
    throw new TokenizerError(
      'invalid-conversation',
      `Expected a conversation that ends with a gpt turn, got ${turns.length === 0 ? 'no turns' : 'a human turn last'}: it has nothing to learn at its end.`,
    );
  const builder = addPieces(new ItemBuilder(tokenizer), pieces, options);
  if (resolveTemplate(options.template).answerEnd !== SPECIAL.endOfText) builder.special(SPECIAL.endOfText, 0);
  return builder.build();
}

/**
 * What a model is asked with: the tokens of the same turns in training up to where the next answer begins, behind one `<|endoftext|>`.
 *
 * @param turns ends with a human turn
 * @returns [n] ids
 * @throws {TokenizerError} `invalid-conversation`
 */
export function conversationPrompt(
  tokenizer: Tokenizer,
  turns: readonly Turn[],
  options: ConversationOptions = {},
): Int32Array {
  checkImages(turns, options);
  if (turns.at(-1)?.from !== 'human')
    throw new TokenizerError(
      'invalid-conversation',
      `Expected a prompt that ends with a human turn, got ${turns.length === 0 ? 'no turns' : 'a gpt turn last'}.`,
    );
  const builder = new ItemBuilder(tokenizer).special(SPECIAL.endOfText, 0);
  return addPieces(builder, conversationPieces(turns, options), options).build().tokens;
}

/**
 * The tokens of an answer as they follow a prompt, without the one that ends it: what log-likelihoods are taken of.
 *
 * @returns [n] ids
 * @throws {TokenizerError} `invalid-text` for an empty answer
 */
export function answerTokens(tokenizer: Tokenizer, answer: string, options: ConversationLayout = {}): Int32Array {
  if (strip(answer) === '')
    throw new TokenizerError('invalid-text', `Expected an answer, got ${JSON.stringify(answer)}.`);
  return tokenizer.encode(resolveTemplate(options.template).answerLead + strip(answer));
}

/** Id of the token that ends an answer. */
export function answerEnd(tokenizer: Tokenizer, options: ConversationLayout = {}): number {
  return tokenizer.special(resolveTemplate(options.template).answerEnd);
}

/**
 * The same layout as text, images left out (prismatic's prompts).
 *
 * @param options.eos written for the special token that ends an answer; its name unless given
 */
export function renderConversation(
  turns: readonly Turn[],
  options: Omit<ConversationLayout, 'imagePlace'> & { eos?: string } = {},
): string {
  const end = resolveTemplate(options.template).answerEnd;
  return conversationPieces(turns, { ...options, imagePlace: 'start' })
    .map((piece) => {
      if (piece.kind === 'image') return '';
      if (piece.kind === 'text') return piece.text;
      return piece.name === end && piece.loss === 1 ? (options.eos ?? end) : piece.name;
    })
    .join('');
}

function addPieces(builder: ItemBuilder, pieces: readonly Piece[], options: ConversationOptions): ItemBuilder {
  for (const piece of pieces) {
    if (piece.kind === 'image') builder.image(checkPatches(options.patches));
    else if (piece.kind === 'special') builder.special(piece.name, piece.loss);
    else builder.text(piece.text, piece.loss);
  }
  return builder;
}

function checkImages(turns: readonly Turn[], options: ConversationOptions): void {
  if (options.images === undefined) return;
  const marks = turns.reduce((sum, turn) => sum + (turn.from === 'human' ? countImages(turn.value) : 0), 0);
  if (marks !== options.images)
    throw new TokenizerError(
      'invalid-conversation',
      `Expected as many <image> marks in the human turns as images (${options.images}), got ${marks}.`,
    );
}
