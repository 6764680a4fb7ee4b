import type { PhaseProgress, PhaseRunner, RunOptions } from './executor.ts';
import type { Phase, Study } from './graph.ts';
import { chainSeconds, finishedRecords, isReady, neededPhases } from './schedule.ts';
import type { PhaseRecord, Store } from './store.ts';
import { StudyError } from './study-error.ts';

export interface ExecuteOptions extends RunOptions {
  store: Store;
  runner: PhaseRunner;
  /** Phases that may run at the same time. */
  concurrency: number;
  /** Phases that use every core and therefore run alone. */
  runsAlone?(phase: Phase): boolean;
  /** How often a phase is tried before it counts as failed. Default 1. */
  attempts?: number;
}

/**
 * Runs every phase of a study that is not yet in the store, parents first. On one machine, only this function knows about order. A phase that
 * fails takes nothing down but what needs it: the others go on to their end.
 *
 * @returns The record of every phase by id.
 * @throws what the phase that failed threw, or StudyError `phase-failed` naming all that did, after everything that can be done is done;
 *   `interrupted` when the signal fired.
 */
export async function executeStudy(study: Study, options: ExecuteOptions): Promise<Map<string, PhaseRecord>> {
  const { store, runner, concurrency, onEvent, signal, attempts = 1 } = options;
  const records = await finishedRecords(study.phases, store);
  for (const phase of study.phases) {
    const record = records.get(phase.id);
    if (record) onEvent?.({ type: 'phase-skipped', phase, record });
  }
  const needed = neededPhases(study, records);
  const priority = chainSeconds(needed, options.estimate);
  const waiting = new Set(needed);
  const running = new Map<Phase, Promise<void>>();
  const failures = new Map<Phase, Error>();
  const tried = new Map<Phase, number>();

  const start = (phase: Phase): void => {
    waiting.delete(phase);
    onEvent?.({ type: 'phase-started', phase });
    const hooks = {
      signal: signal ?? new AbortController().signal,
      onProgress: (progress: PhaseProgress) => onEvent?.({ type: 'phase-progress', phase, progress }),
      onWarning: (message: string) => onEvent?.({ type: 'phase-warning', phase, message }),
    };
    const work = runner.run(phase, study, hooks).then(
      (record) => {
        records.set(phase.id, record);
        onEvent?.({ type: 'phase-finished', phase, record });
      },
      (error: Error) => {
        if (signal?.aborted) return;
        const count = (tried.get(phase) ?? 0) + 1;
        tried.set(phase, count);
        if (count < attempts) {
          hooks.onWarning(`Attempt ${count} of ${attempts} failed, trying again: ${error.message}`);
          waiting.add(phase);
          return;
        }
        failures.set(phase, error);
        onEvent?.({ type: 'phase-failed', phase, error });
      },
    );
    running.set(
      phase,
      work.finally(() => running.delete(phase)),
    );
  };

  while (waiting.size > 0 || running.size > 0) {
    if (!signal?.aborted) {
      const ready = [...waiting].filter((phase) => isReady(phase, records));
      ready.sort((a, b) => priority.get(b)! - priority.get(a)!);
      for (const phase of ready) {
        const someoneAlone = [...running.keys()].some((other) => options.runsAlone?.(other));
        if (running.size >= concurrency || someoneAlone) break;
        if (options.runsAlone?.(phase) && running.size > 0) continue;
        start(phase);
      }
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (signal?.aborted)
    throw new StudyError('interrupted', 'Stopped on request. Run the same command again to go on from here.');
  if (failures.size > 0) throw failureOf(failures, waiting.size);
  return records;
}

/** One failure as it is; several as one error that names them. */
function failureOf(failures: ReadonlyMap<Phase, Error>, blocked: number): Error {
  const first = [...failures.values()][0]!;
  if (failures.size === 1) return first;
  const list = [...failures].map(([{ id }, { message }]) => `  - ${id}: ${message.split('\n')[0]}`).join('\n');
  return new StudyError(
    'phase-failed',
    `${failures.size} phases failed and ${blocked} that need them were not run; all others are done. Run the same command again to try them once more.\n${list}`,
    { cause: first },
  );
}
