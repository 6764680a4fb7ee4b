/** What went wrong; see {@link MixtureError}. */
export type MixtureErrorCode =
  /** The list of sources, a weight, the policy or another argument is not usable. */
  | 'invalid-argument'
  /** A source's `cost` returned something that is not a positive number. */
  | 'invalid-cost'
  /** A source gave no item although it was read from its beginning. */
  | 'empty-source'
  /** A saved state does not fit the sources. */
  | 'invalid-state';

/** The one error class of this package: the message says what was expected, what came, and what to do; `code` is for programs. */
export class MixtureError extends Error {
  override readonly name: string = 'MixtureError';
  readonly code: MixtureErrorCode;
  /** Name of the source concerned, if it is one. */
  readonly source: string | undefined;

  constructor(code: MixtureErrorCode, message: string, source?: string) {
    super(message);
    this.code = code;
    this.source = source;
  }

  /** True for errors of this package, also of a second installed copy of it. */
  static isInstance(error: unknown): error is MixtureError {
    return error instanceof Error && error.name === 'MixtureError' && 'code' in error;
  }
}
