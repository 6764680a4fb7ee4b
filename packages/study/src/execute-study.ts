import { setTimeout as sleep } from 'node:timers/promises';
import type { PhaseProgress, PhaseRunner, RunOptions } from './executor.ts';
import type { Phase, Study } from './graph.ts';
import { chainSeconds, finishedRecords, neededPhases, readyQueue } from './schedule.ts';
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
  /** Whether another process is at a phase that it has not claimed yet: a phase's own process takes seconds to start. */
  isTaken?(phase: Phase): Promise<boolean>;
}

/** How often phases that other processes are at are looked at, while there is room to run more. */
const lookAgainMs = 2000;

/**
 * Runs every phase of a study that is not yet in the store, parents first. On one machine, only this function knows about order. A phase that
 * fails takes nothing down but what needs it: the others go on to their end. Where other processes work on the same store, each phase is
 * done by one of them: what somebody else is at is left to them as long as there is anything else to do.
 *
 * @returns The record of every phase by id.
 * @throws what the phase that failed threw, or StudyError `phase-failed` naming all that did, after everything that can be done is done;
 *   `interrupted` when the signal fired.
 */
export async function executeStudy(study: Study, options: ExecuteOptions): Promise<Map<string, PhaseRecord>> {
  const { store, runner, concurrency, onEvent, signal, attempts = 1, runsAlone = () => false } = options;
  const records = await finishedRecords(study.phases, store);
  for (const phase of study.phases) {
    const record = records.get(phase.id);
    if (record) onEvent?.({ type: 'phase-skipped', phase, record });
  }
  const needed = neededPhases(study, records);
  const ready = readyQueue(needed, chainSeconds(needed, options.estimate));
  const running = new Map<Phase, Promise<void>>();
  const failures = new Map<Phase, Error>();
  const tried = new Map<Phase, number>();

  const finish = (type: 'phase-finished' | 'phase-skipped', phase: Phase, record: PhaseRecord): void => {
    records.set(phase.id, record);
    ready.finish(phase);
    onEvent?.({ type, phase, record });
  };
  const start = (phase: Phase): void => {
    ready.take(phase);
    onEvent?.({ type: 'phase-started', phase });
    const hooks = {
      signal: signal ?? new AbortController().signal,
      onProgress: (progress: PhaseProgress) => onEvent?.({ type: 'phase-progress', phase, progress }),
      onWarning: (message: string) => onEvent?.({ type: 'phase-warning', phase, message }),
    };
    const work = runner.run(phase, study, hooks).then(
      (record) => finish('phase-finished', phase, record),
      (error: Error) => {
        if (signal?.aborted) return;
        const count = (tried.get(phase) ?? 0) + 1;
        tried.set(phase, count);
        if (count < attempts) {
          hooks.onWarning(`Attempt ${count} of ${attempts} failed, trying again: ${error.message}`);
          ready.putBack(phase);
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
  const hasRoom = (): boolean => running.size < concurrency && ![...running.keys()].some(runsAlone);

  /** Starts what can be started. @returns whether there is still room, and only phases that others are at */
  const fill = async (): Promise<boolean> => {
    const held = new Set<Phase>();
    while (!signal?.aborted && hasRoom()) {
      const phase = ready.first((candidate) => !held.has(candidate) && !(running.size > 0 && runsAlone(candidate)));
      if (!phase) break;
      const found = await lookAt(phase, options);
      if (signal?.aborted) return false;
      if (found === 'held') held.add(phase);
      else if (found === 'free') start(phase);
      else {
        ready.take(phase);
        finish('phase-skipped', phase, found);
      }
    }
    // With nothing else to do, wait for whoever is at the first, and take over from one that is lost: the phase's own process does both.
    const [first] = held;
    if (first && running.size === 0) start(first);
    return held.size > 0 && hasRoom();
  };

  for (;;) {
    const isHeld = await fill();
    if (running.size === 0) break;
    const ends = [...running.values()];
    await Promise.race(isHeld ? [...ends, sleep(lookAgainMs, undefined, { ref: false })] : ends);
  }
  if (signal?.aborted)
    throw new StudyError('interrupted', 'Stopped on request. Run the same command again to go on from here.');
  if (failures.size > 0) {
    const blocked = needed.filter(({ id }) => !records.has(id)).length - failures.size;
    throw failureOf(failures, blocked);
  }
  return records;
}

/** Its record, where another process has finished a phase meanwhile; `held` while one is at it. */
async function lookAt(
  phase: Phase,
  { store, isTaken = async () => false }: ExecuteOptions,
): Promise<PhaseRecord | 'held' | 'free'> {
  try {
    const record = await store.record(phase);
    if (record) return record;
    return (await store.claimant(phase)) || (await isTaken(phase)) ? 'held' : 'free';
  } catch {
    return 'free'; // What is wrong with the store, the phase's own process will say.
  }
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
