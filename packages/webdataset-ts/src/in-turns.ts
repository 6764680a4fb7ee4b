/** Calls that must not overlap: each begins when the one before has ended, and one that failed fails those behind it. */
export interface InTurns<T> {
  call(): Promise<T>;
  /** When the last call so far has ended, well or not. */
  settled(): Promise<void>;
}

export function inTurns<T>(run: () => Promise<T>): InTurns<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    call() {
      const result = turn.then(run);
      turn = result;
      return result;
    },
    async settled() {
      await turn.catch(() => {});
    },
  };
}
