/** What kind of thing went wrong; stable, meant for programs. */
export type JitErrorCode =
  | 'unsupported-op'
  | 'data-dependent'
  | 'random-op'
  | 'nested-trace'
  | 'captured-variable'
  | 'retracing'
  | 'invalid-definition'
  | 'invalid-input'
  | 'invalid-batch'
  | 'invalid-state'
  | 'unknown-variant'
  | 'backend-missing'
  | 'device-missing'
  | 'parity'
  | 'unsupported'
  | 'too-large'
  | 'runtime'
  | 'worker-died'
  | 'disposed';

/** Every error of this package. `code` is stable; the message says what was expected, what came, where, and what to do. */
export class JitError extends Error {
  override readonly name = 'JitError';
  readonly code: JitErrorCode;

  constructor(code: JitErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
