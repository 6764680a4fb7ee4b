/** What went wrong; see {@link TokenizerError}. */
export type TokenizerErrorCode =
  /** An option has an unusable value. */
  | 'invalid-argument'
  /** A vocabulary (from a file or an object) contradicts itself. */
  | 'invalid-data'
  /** Text that has no UTF-8 form (a lone surrogate), or that is empty where something is needed. */
  | 'invalid-text'
  /** A token id outside the vocabulary. */
  | 'invalid-id'
  /** A special token that this vocabulary does not have. */
  | 'unknown-special'
  /** A conversation whose turns cannot be trained on or prompted with. */
  | 'invalid-conversation'
  /** The texts do not hold enough repeated pairs for the wanted vocabulary. */
  | 'corpus-too-small'
  /** The pre-tokenisation pattern leaves part of a text out, or does not compile. */
  | 'invalid-pattern'
  /** tiktoken itself failed. */
  | 'tiktoken-failed'
  /** A thread of an encoder pool ended, or the pool was disposed. */
  | 'worker-failed';

/** The one error class of this package: the message says what was expected, what came, and what to do; `code` is for programs. */
export class TokenizerError extends Error {
  override readonly name: string = 'TokenizerError';
  readonly code: TokenizerErrorCode;

  constructor(code: TokenizerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** True for errors of this package, also of a second installed copy of it. */
  static isInstance(error: unknown): error is TokenizerError {
    return error instanceof Error && error.name === 'TokenizerError' && 'code' in error;
  }
}
