/** Why a corpus could not be built or read; the message says what to do. */
export type CorpusErrorCode =
  | 'invalid-settings'
  | 'missing-package'
  | 'wrong-version'
  | 'broken-package'
  | 'not-enough-data'
  | 'directory-not-ours'
  | 'write-failed'
  | 'worker-failed'
  | 'aborted'
  | 'invalid-manifest'
  | 'unknown-label';

/** The one error class of this package. `code` is stable; the message is for people. */
export class CorpusError extends Error {
  override readonly name: string = 'CorpusError';
  readonly code: CorpusErrorCode;

  constructor(code: CorpusErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** True for errors of this class, also when they come from another installed copy of the package. */
  static isInstance(value: unknown): value is CorpusError {
    return value instanceof Error && value.name === 'CorpusError' && 'code' in value;
  }
}

/** Throws `aborted` when the caller's signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new CorpusError('aborted', 'Building the corpus was aborted; nothing was kept.', { cause: signal.reason });
}
