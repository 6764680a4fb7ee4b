/** What went wrong; see {@link PatcherError}. */
export type PatcherErrorCode =
  /** An option has an unusable value. */
  | 'invalid-argument'
  /** Bytes that are no image of a known format. */
  | 'unknown-format'
  /** An image that cannot be decoded: cut off or damaged. */
  | 'broken-image'
  /** More bytes or pixels than allowed. */
  | 'too-large'
  /** Decoding took longer than allowed. */
  | 'timeout'
  /** An ONNX encoder that does not load, or whose input or output is not what the settings say. */
  | 'encoder-mismatch'
  /** A feature cache that is damaged or belongs to another encoder. */
  | 'broken-cache';

/** The one error class of this package: the message says what was expected, what came, and what to do; `code` is for programs. */
export class PatcherError extends Error {
  override readonly name: string = 'PatcherError';
  readonly code: PatcherErrorCode;
  /** Index of the image concerned within the call's list, where there is one. */
  readonly index: number | undefined;

  constructor(code: PatcherErrorCode, message: string, options: { cause?: unknown; index?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.index = options.index;
  }

  /** True for errors of this package, also of a second installed copy of it. */
  static isInstance(error: unknown): error is PatcherError {
    return error instanceof Error && error.name === 'PatcherError' && 'code' in error;
  }
}

/** True for what a broken input image causes: the errors that a caller may choose to skip. */
export function isImageProblem(error: unknown): error is PatcherError {
  return (
    PatcherError.isInstance(error) && ['unknown-format', 'broken-image', 'too-large', 'timeout'].includes(error.code)
  );
}

/** True for a damaged or foreign cache file. */
export function isBrokenCache(error: unknown): error is PatcherError {
  return PatcherError.isInstance(error) && error.code === 'broken-cache';
}
