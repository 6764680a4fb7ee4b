/** What went wrong in an optimizer. `code` is stable; the message says what was expected and what came. */
export class OptimizerError extends Error {
  override readonly name = 'OptimizerError';
  readonly code: 'invalid-hyperparameter' | 'invalid-range';

  constructor(code: OptimizerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
