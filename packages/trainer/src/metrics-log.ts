/** One row a step, into files. A resumed run first cuts what it will write again. */
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
  /** The same of each group of parameters, where the step names groups. */
  groupNorms?: Record<string, number>;
  /** Which compiled variant ran; several, joined with `+`, where the gradients of several batches make an update. */
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

/** Opens a log for a run that stands at `step`: rows of later steps go. */
export type OpenMetricsLog = (step: number) => MetricsLog;

/**
 * Rows as JSON lines, each as {@link MetricsRow} has it.
 *
 * @param path a `.jsonl` file; it need not exist. A last row that was not finished is cut off
 * @throws TrainerError `write-failed` when the run opens it, also where it holds anything but such rows; then it is left as it is
 * @example
 * await train({ ...options, logs: [jsonLog('runs/main/metrics.jsonl')] });
 */
export function jsonLog(path: string): OpenMetricsLog {
  return (step) => openJsonLines(path, 'step', step);
}

/** The numbers of a row under flat names: what the loss function reports becomes `metrics/NAME`, a group's norm `gradNorm/GROUP`. */
export function flatMetrics({
  metrics,
  groupNorms = {},
  step,
  variant,
  ...numbers
}: MetricsRow): Record<string, number> {
  const more = Object.entries(metrics).map(([name, value]) => [`metrics/${name}`, value] as const);
  const norms = Object.entries(groupNorms).map(([group, norm]) => [`gradNorm/${group}`, norm] as const);
  return { ...numbers, ...Object.fromEntries([...norms, ...more]) };
}

/**
 * JSON lines that can be cut at a step.
 *
 * @param field where an object says which step it is of
 */
export function openJsonLines<Row extends object>(
  path: string,
  field: string,
  step: number,
): Omit<MetricsLog, 'write'> & { write(row: Row): void } {
  let file: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    file = openSync(path, 'a+');
  } catch (error) {
    throw new TrainerError(
      'write-failed',
      `Metrics: ${path} cannot be opened for writing: ${String(error)}; choose another path.`,
      { cause: error },
    );
  }
  const cut = (last: number): void => ftruncateSync(file, bytesUpTo(readFileSync(path), field, last, path));
  try {
    cut(step);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return {
    write: (row) => {
      writeSync(file, `${JSON.stringify(row)}\n`);
    },
    sync: () => fsyncSync(file),
    cut,
    close: () => closeSync(file),
  };
}

/**
 * Bytes of the whole rows, from the first on, whose step is at most `last`. What follows is rows that will come again, and at the end perhaps
 * one that was not finished.
 *
 * @throws TrainerError `write-failed` where the file holds anything else: it is somebody's, and is not to be cut
 */
function bytesUpTo(bytes: Uint8Array, field: string, last: number, path: string): number {
  const decoder = new TextDecoder();
  let kept: number | undefined;
  let begin = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, begin);
    if (end < 0) break;
    const text = decoder.decode(bytes.subarray(begin, end));
    const step = stepOf(text, field);
    if (step === undefined) throw notRows(path, field, line, text);
    if (step > last) kept ??= begin;
    begin = end + 1;
  }
  const start = `{"${field}":`;
  const tail = decoder.decode(bytes.subarray(begin, begin + start.length));
  if (begin === 0 && !start.startsWith(tail)) throw notRows(path, field, 1, tail);
  return kept ?? begin;
}

function notRows(path: string, field: string, line: number, text: string): TrainerError {
  return new TrainerError(
    'write-failed',
    `Metrics: expected rows with a number ${JSON.stringify(field)} in ${path}, got ${JSON.stringify(text.slice(0, 80))} in line ${line}; ` +
      'opening a log cuts rows that will come again, and this file is none: choose another path, or move it away.',
  );
}

function stepOf(line: string, field: string): number | undefined {
  try {
    const step = JSON.parse(line)?.[field];
    return typeof step === 'number' ? step : undefined;
  } catch {
    return undefined;
  }
}
