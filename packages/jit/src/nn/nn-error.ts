/** What went wrong in a module. `code` is stable; the message says what was expected and what came. */
export class NnError extends Error {
  override readonly name = 'NnError';
  readonly code: 'shape' | 'option';

  constructor(code: NnError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
