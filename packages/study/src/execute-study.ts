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
}

/**
 * Runs every phase of a study that is not yet in the store, parents first. On one machine, only this function knows about order.
 *
 * @returns The record of every phase by id.
 * @throws StudyError `phase-failed` naming the phase, after the phases under way have ended; `interrupted` when the signal fired.
 */
export async function executeStudy(study: Study, options: ExecuteOptions): Promise<Map<string, PhaseRecord>> {
  const { store, runner, concurrency, onEvent, signal } = options;
  const records = await finishedRecords(study.phases, store);
  for (const phase of study.phases) {
    const record = records.get(phase.id);
    if (record) onEvent?.({ type: 'phase-skipped', phase, record });
  }
  const needed = neededPhases(study, records);
  const priority = chainSeconds(needed, options.estimate);
  const waiting = new Set(needed);
  const running = new Map<Phase, Promise<void>>();
  let failure: Error | undefined;

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
        if (!signal?.aborted) onEvent?.({ type: 'phase-failed', phase, error });
        failure ??= error;
      },
    );
    running.set(
      phase,
      work.finally(() => running.delete(phase)),
    );
  };

  while (waiting.size > 0 || running.size > 0) {
    if (!failure && !signal?.aborted) {
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
  if (failure) throw failure;
  return records;
}
