import type { Tokenizer } from './create-tokenizer.ts';
import { TokenizerError, type TokenizerErrorCode } from './tokenizer-error.ts';

/** Neighbouring texts of a batch, for one thread. */
export interface SliceRequest {
  slice: number;
  texts: readonly string[];
}

/** Their ids, or what went wrong with the first that failed. */
export type SliceResult =
  | { ids: Int32Array<ArrayBuffer> /** End of each text's ids. */; ends: Int32Array<ArrayBuffer> }
  | { error: { text: number; code: TokenizerErrorCode; message: string; stack: string | undefined } };
export type SliceReply = SliceResult & { slice: number };

export function encodeSlice(tokenizer: Tokenizer, texts: readonly string[]): SliceResult {
  const parts: Int32Array[] = [];
  const ends = new Int32Array(texts.length);
  let length = 0;
  for (const [text, content] of texts.entries()) {
    try {
      const ids = tokenizer.encode(content);
      parts.push(ids);
      length += ids.length;
      ends[text] = length;
    } catch (error) {
      const { message, stack } = error as Error;
      const code = TokenizerError.isInstance(error) ? error.code : 'tiktoken-failed';
      return { error: { text, code, message, stack } };
    }
  }
  const ids = new Int32Array(length);
  let at = 0;
  for (const part of parts) {
    ids.set(part, at);
    at += part.length;
  }
  return { ids, ends };
}
