import { performance } from 'node:perf_hooks';

/** Saves progress in the background, one save at a time and not too often; what comes meanwhile is saved with the next. */
export interface ProgressSaver {
  /** There is something new to save. */
  request(): void;
  /** Ends the saving: waits for the save under way and, where asked to, saves what is newer. */
  close(options: { saveNewest: boolean }): Promise<void>;
}

/**
 * @param onProblem told of a save that failed; the work goes on, and the next request tries again
 */
export function progressSaver(
  save: () => Promise<void>,
  onProblem: (error: unknown) => void,
  everySeconds: number = progressSeconds(),
): ProgressSaver {
  let running: Promise<void> | undefined;
  let isWanted = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  const start = (): void => {
    isWanted = false;
    lastMs = performance.now();
    running = save()
      .catch((error: unknown) => {
        isWanted = true;
        onProblem(error);
      })
      .finally(() => {
        running = undefined;
      });
  };
  return {
    request() {
      isWanted = true;
      if (!running && performance.now() - lastMs >= everySeconds * 1000) start();
    },
    async close({ saveNewest }) {
      await running;
      if (!saveNewest || !isWanted) return;
      start();
      await running;
    },
  };
}

/** Seconds between two saves of one phase; `STAGED_VLM_PROGRESS_SECONDS` says otherwise. No number of a model depends on it. */
function progressSeconds(): number {
  const seconds = Number(process.env['STAGED_VLM_PROGRESS_SECONDS'] ?? 60);
  return seconds >= 0 ? seconds : 60;
}
