/** What went wrong, for programs; the message says it for people. */
export type ModelErrorCode =
  | 'INVALID_CONFIG'
  | 'INVALID_INPUT'
  | 'INVALID_SAFETENSORS'
  | 'UNSUPPORTED_DTYPE'
  | 'SHAPE_MISMATCH'
  | 'MISSING_PARAMETER'
  | 'NOT_FINITE';

/** The one error class of this package. `ModelError.isInstance` also recognises errors of a second installed copy. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  readonly isVlmModelError: true = true;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }

  static isInstance(error: unknown): error is ModelError {
    return typeof error === 'object' && error !== null && 'isVlmModelError' in error;
  }
}
