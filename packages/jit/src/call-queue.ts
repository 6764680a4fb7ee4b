import { JitError } from './jit-error.ts';

/** Runs calls one after another, in the order in which they were made; a failed one does not stop the next. */
export class CallQueue {
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly what: string;

  constructor(what: string) {
    this.what = what;
  }

  add<T>(call: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new JitError('disposed', `${this.what} was disposed of: compile it again.`));
    const result = this.last.then(call);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Waits for the calls made so far, then runs `end`; once. Later calls are rejected. */
  close(end: () => Promise<void>): Promise<void> {
    if (this.closed) return this.last.then(() => undefined);
    const result = this.add(end);
    this.closed = true;
    return result;
  }
}
