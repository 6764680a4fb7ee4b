/** What went wrong, for programs; the message says it for people. */
export type EvalsErrorCode =
  | 'INVALID_OPTION'
  | 'EMPTY_SET'
  | 'DUPLICATE_ID'
  | 'INVALID_ITEM'
  | 'UNKNOWN_TARGET'
  | 'MISSING_IMAGE'
  | 'NO_OTHER_IMAGE'
  | 'BAD_MODEL_OUTPUT'
  | 'NOT_PAIRED'
  | 'MISSING_SPLIT'
  | 'MISSING_FILE'
  | 'BROKEN_FILE'
  | 'WRONG_COUNT'
  | 'WRONG_MODEL';

/** The one error class of this package. `EvalsError.isInstance` also recognises errors of a second installed copy. */
export class EvalsError extends Error {
  readonly code: EvalsErrorCode;
  readonly isVlmEvalsError: true = true;

  constructor(code: EvalsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EvalsError';
    this.code = code;
  }

  static isInstance(error: unknown): error is EvalsError {
    return typeof error === 'object' && error !== null && 'isVlmEvalsError' in error;
  }
}
