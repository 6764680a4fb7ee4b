import { type ConversationTemplate, resolveTemplate, type TemplateName, type TemplatePiece } from './templates.ts';
import { TokenizerError } from './tokenizer-error.ts';
import { strip, stripEnd } from './white-space.ts';

/** One turn in LLaVA's layout. `<image>` in a human turn stands for an image. */
export interface Turn {
  from: 'human' | 'gpt';
  value: string;
}

/** How turns become text. */
export interface ConversationLayout {
  /** `pure` unless given. */
  template?: TemplateName | ConversationTemplate;
  /** System message in place of the template's own. */
  system?: string;
  /** Where images go: where their marker stands (default), or all before the conversation (prismatic's place, behind the first token). */
  imagePlace?: 'inline' | 'start';
}

/** A stretch of a conversation; text carries loss where it is an answer's. */
export type Piece =
  | { kind: 'text'; text: string; loss: 0 | 1 }
  | { kind: 'special'; name: string; loss: 0 | 1 }
  | { kind: 'image' };

const IMAGE_MARKER = '<image>';

/**
 * Lays turns out as pieces. Neighbouring context is one piece of text; each answer starts a new one, so a prompt's tokens are a prefix of the training
 * tokens whatever the answer is.
 *
 * White space: messages are stripped at both ends; a prompt ends in a visible character (`Out:`), and the space behind it belongs to the
 * answer. Before an inline image trailing white space goes, because a lone space is a token of its own.
 *
 * @throws {TokenizerError} `invalid-conversation` naming the turn, `invalid-argument`
 */
export function conversationPieces(turns: readonly Turn[], layout: ConversationLayout = {}): Piece[] {
  const { imagePlace = 'inline' } = layout;
  if (imagePlace !== 'inline' && imagePlace !== 'start')
    throw new TokenizerError(
      'invalid-argument',
      `Conversation: expected imagePlace to be "inline" or "start", got ${JSON.stringify(imagePlace)}.`,
    );
  const template = resolveTemplate(layout.template);
  const system = layout.system ?? template.defaultSystem;
  const pieces: Piece[] = [];
  if (imagePlace === 'start')
    for (const turn of turns)
      if (turn.from === 'human') for (let i = countImages(turn.value); i > 0; i--) pieces.push({ kind: 'image' });
  const context: TemplatePiece[] = [];
  if (system !== undefined) {
    if (template.system === undefined)
      throw new TokenizerError(
        'invalid-argument',
        `The template ${template.name} has no place for a system message, got ${JSON.stringify(system)}. Leave it out or use vicuna or chatml.`,
      );
    context.push(...template.system.open, strip(system), ...template.system.close);
  }
  turns.forEach((turn, index) => {
    checkTurn(turns, turn, index);
    if (turn.from === 'human') {
      if (index > 0) context.push(...template.between);
      context.push(...template.human.open);
      const parts = splitMessage(turn.value, imagePlace);
      parts.forEach((part, i) => {
        if (i > 0) {
          addContext(pieces, context, true);
          pieces.push({ kind: 'image' });
        }
        context.push(part);
      });
      context.push(...template.human.close);
      return;
    }
    addContext(pieces, context, false);
    pieces.push({ kind: 'text', text: template.answerLead + strip(turn.value), loss: 1 });
    pieces.push({ kind: 'special', name: template.answerEnd, loss: 1 });
  });
  addContext(pieces, context, false);
  return pieces;
}

/** Number of `<image>` marks in a message. */
export function countImages(message: string): number {
  return message.split(IMAGE_MARKER).length - 1;
}

/** The stripped message, cut at its image marks where images stay inline. */
function splitMessage(message: string, place: 'inline' | 'start'): string[] {
  if (place === 'start') return [strip(message.replaceAll(IMAGE_MARKER, ''))];
  return strip(message).split(IMAGE_MARKER);
}

/** Moves collected context into pieces, texts joined. */
function addContext(pieces: Piece[], context: TemplatePiece[], beforeImage: boolean): void {
  let text = '';
  const flush = (last: boolean) => {
    const kept = last && beforeImage ? stripEnd(text) : text;
    if (kept !== '') pieces.push({ kind: 'text', text: kept, loss: 0 });
    text = '';
  };
  for (const part of context.splice(0)) {
    if (typeof part === 'string') text += part;
    else {
      flush(false);
      pieces.push({ kind: 'special', name: part.special, loss: 0 });
    }
  }
  flush(true);
}

function checkTurn(turns: readonly Turn[], turn: Turn, index: number): void {
  const fail = (message: string): never => {
    throw new TokenizerError('invalid-conversation', `Turn ${index + 1} of ${turns.length}: ${message}`);
  };
  const { from, value } = turn as { from: unknown; value: unknown };
  if (from !== 'human' && from !== 'gpt') fail(`expected from "human" or "gpt", got ${JSON.stringify(from)}.`);
  if (typeof value !== 'string') fail(`expected value to be a text, got ${typeof value}.`);
  const expected = index % 2 === 0 ? 'human' : 'gpt';
  if (from !== expected)
    fail(`expected a ${expected} turn (they alternate, a human begins), got another ${turn.from} turn.`);
  if (from === 'human') return;
  if (strip(turn.value) === '')
    fail('expected an answer with at least one visible character, got an empty one; leave such a conversation out.');
  if (turn.value.includes(IMAGE_MARKER)) fail('an answer cannot hold an <image>; only human turns can.');
}
