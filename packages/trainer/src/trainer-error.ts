/** What went wrong, for programs; the message says it for people. */
export type TrainerErrorCode =
  | 'bad-option'
  | 'bad-schedule'
  | 'bad-item'
  | 'bad-state'
  | 'too-long'
  | 'too-many-patches'
  | 'no-checkpoint'
  | 'checkpoint-broken'
  | 'checkpoint-version'
  | 'checkpoint-mismatch'
  | 'store-locked'
  | 'read-failed'
  | 'no-space'
  | 'read-only'
  | 'write-failed'
  | 'data-exhausted'
  | 'no-loss-tokens'
  | 'not-finite'
  | 'settings-changed';

/**
 * The one error class of this package. The message names what was expected, what came, where, and what to do.
 *
 * @example
 * try { learningRate(schedule, -1); } catch (error) { if (TrainerError.isInstance(error)) report(error.code); }
 */
export class TrainerError extends Error {
  override readonly name: string = 'TrainerError';
  readonly code: TrainerErrorCode;

  constructor(code: TrainerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True for errors of this class, also when two versions of the package are installed. */
  static isInstance(error: unknown): error is TrainerError {
    return error instanceof Error && error.name === 'TrainerError' && 'code' in error;
  }
}
