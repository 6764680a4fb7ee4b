/** One JSON object a line, one line a step. A resumed run first cuts what it will write again. */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { TrainerError } from './trainer-error.ts';

export interface MetricsRow {
  /** Updates done, this one included: the first row is 1. */
  step: number;
  /** Targets seen so far, padding left out. */
  tokens: number;
  /** Of those, targets with loss. */
  lossTokens: number;
  loss: number;
  /** Rate of this update. */
  lr: number;
  /** Norm of the gradient before clipping. */
  gradNorm: number;
  /** Which compiled variant ran. */
  variant: string;
  tokensPerSecond: number;
  /** Part of the time spent waiting for the batch, 0 to 1. */
  waitShare: number;
  /** What the loss function reports besides. */
  metrics: Record<string, number>;
}

export interface MetricsLog {
  write(row: MetricsRow): void;
  /** Returns when all rows are on the disk. */
  sync(): void;
  /** Drops rows after that step. */
  cut(step: number): void;
  close(): void;
}

/**
 * Opens a log for a run that stands at `step`: rows of later steps, and a last row that was not finished, are cut off.
 *
 * @param path a `.jsonl` file; it need not exist
 * @throws TrainerError `write-failed`
 */
export function openMetricsLog(path: string, step: number): MetricsLog {
  let file: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    file = openSync(path, 'a+');
  } catch (error) {
    throw new TrainerError(
      'write-failed',
      `Metrics: ${path} cannot be opened for writing: ${String(error)}; choose another path.`,
      {
        cause: error,
      },
    );
  }
  const cut = (last: number): void => ftruncateSync(file, bytesUpTo(readFileSync(path), last));
  cut(step);
  return {
    write: (row) => {
      writeSync(file, `${JSON.stringify(row)}\n`);
    },
    sync: () => fsyncSync(file),
    cut,
    close: () => closeSync(file),
  };
}

/** Bytes of the whole rows, from the first on, whose step is at most `last`. */
function bytesUpTo(bytes: Uint8Array, last: number): number {
  const decoder = new TextDecoder();
  let begin = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, begin);
    if (end < 0) return begin;
    const step = stepOf(decoder.decode(bytes.subarray(begin, end)));
    if (step === undefined || step > last) return begin;
    begin = end + 1;
  }
}

function stepOf(line: string): number | undefined {
  try {
    const step = JSON.parse(line)?.step;
    return typeof step === 'number' ? step : undefined;
  } catch {
    return undefined;
  }
}
