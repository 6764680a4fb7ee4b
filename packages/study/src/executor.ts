import type { Phase, Study } from './graph.ts';
import type { PhaseRecord } from './store.ts';

/** What a running phase says of itself. */
export interface PhaseProgress {
  /** 0 to 1. */
  fraction: number;
  /** Step and number of steps, where the phase has any. */
  step?: number;
  steps?: number;
  /** Units (tokens, images, items) a second, and what they are. */
  rate?: number;
  unit?: string;
  loss?: number;
  /** What it is doing, in a few words. */
  note?: string;
}

/** Everything that happens while a study runs, for a display to show. */
export type StudyEvent =
  | { type: 'phase-skipped'; phase: Phase; record: PhaseRecord }
  | { type: 'phase-started'; phase: Phase; host?: string }
  | { type: 'phase-progress'; phase: Phase; progress: PhaseProgress }
  | { type: 'phase-warning'; phase: Phase; message: string }
  | { type: 'phase-finished'; phase: Phase; record: PhaseRecord }
  | { type: 'phase-failed'; phase: Phase; error: Error };

/** Runs one phase on this machine. What an executor's workers do with a phase that is theirs. */
export interface PhaseRunner {
  run(
    phase: Phase,
    study: Study,
    hooks: { signal: AbortSignal; onProgress(progress: PhaseProgress): void; onWarning(message: string): void },
  ): Promise<PhaseRecord>;
}

/** How a study is run, whatever runs it. */
export interface RunOptions {
  /** Expected seconds of a phase: among those ready, the one with the longest chain behind it goes first. */
  estimate(phase: Phase): number;
  onEvent?(event: StudyEvent): void;
  signal?: AbortSignal;
}

export interface PhaseStatus {
  phase: Phase;
  /**
   * `done`: its record is in the store. `running`: somebody is at it. `queued`: all it needs is there, and it waits for a free worker.
   * `failed`: no further attempt will be made before a retry. `waiting`: for what it needs, or for a run of the study.
   */
  state: 'done' | 'running' | 'queued' | 'failed' | 'waiting';
  record?: PhaseRecord;
  /** Who is at it, or was last. */
  host?: string;
  /** What that machine is, in a line. */
  machine?: string;
  progress?: PhaseProgress;
  /** Attempts that ended in an error. */
  failures?: number;
  error?: string;
}

/**
 * Something that runs the phases of a study: child processes here, jobs of a queue, jobs of a cluster's own scheduler. What is done is told
 * by the store alone, so an executor may forget everything at any moment and a study loses nothing by it.
 *
 * Every executor passes `executorContract` (`@vlm/study/executor-contract`).
 */
export interface Executor {
  readonly name: string;
  /**
   * Runs every phase that is needed and not yet in the store, parents first, and follows it to the end. Phases that failed before are tried
   * again. A phase that another study of the same store is running is not run twice.
   *
   * @returns The record of every phase by id.
   * @throws StudyError `phase-failed` naming the phase, when nothing more can run; `cancelled` when somebody cancelled the study;
   *   `interrupted` when the signal fired: nothing finished is lost, and the same call goes on.
   */
  run(study: Study, options: RunOptions): Promise<Map<string, PhaseRecord>>;
  /** Hands a study over and returns, where the executor can go on without the caller. */
  submit?(study: Study, options: Pick<RunOptions, 'estimate'>): Promise<void>;
  /** Every phase of the study as it stands, in the study's order; from any machine. */
  status(study: Study): Promise<PhaseStatus[]>;
  /**
   * Stops what runs (it writes a checkpoint first) and takes back what waits, unless another study needs it.
   *
   * @returns false where there was nothing to stop
   */
  cancel(study: Study): Promise<boolean>;
  /** Gives failed phases further attempts, or leaves them to the next run, which tries them again. @returns their ids */
  retry(study: Study, phaseId?: string): Promise<string[]>;
  /** What a phase said: who took it, warnings, errors, every attempt. Empty where nobody has begun it. */
  log(phase: Phase): Promise<string>;
  close(): Promise<void>;
}
