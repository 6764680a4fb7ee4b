/** Metrics as the history that Weights & Biases keeps of a run: one JSON object a line, with `_step`, `_timestamp` and `_runtime`. */
import { flatMetrics, type OpenMetricsLog, openJsonLines } from './metrics-log.ts';

/**
 * Writes a history whose lines are what `run.log(row, step=row["_step"])` of Weights & Biases takes.
 *
 * @param path the `.jsonl` file; it need not exist
 * @param now wall time in milliseconds. Default `Date.now`
 * @throws TrainerError `write-failed` when the run opens it
 */
export function wandbLog(path: string, now: () => number = Date.now): OpenMetricsLog {
  return (step) => {
    const lines = openJsonLines(path, '_step', step);
    const begin = now();
    return {
      ...lines,
      write: (row) =>
        lines.write({
          _step: row.step,
          _timestamp: now() / 1000,
          _runtime: (now() - begin) / 1000,
          ...flatMetrics(row),
        }),
    };
  };
}
