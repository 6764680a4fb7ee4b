import { type Phase, prerequisites, type Study } from './graph.ts';
import type { PhaseRecord, Store } from './store.ts';
import { StudyError } from './study-error.ts';

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
  | { type: 'phase-started'; phase: Phase }
  | { type: 'phase-progress'; phase: Phase; progress: PhaseProgress }
  | { type: 'phase-warning'; phase: Phase; message: string }
  | { type: 'phase-finished'; phase: Phase; record: PhaseRecord }
  | { type: 'phase-failed'; phase: Phase; error: Error };

/** Runs one phase somewhere: in a child process here, or as a job on another machine. */
export interface PhaseRunner {
  run(
    phase: Phase,
    study: Study,
    hooks: { signal: AbortSignal; onProgress(progress: PhaseProgress): void; onWarning(message: string): void },
  ): Promise<PhaseRecord>;
}

export interface ExecuteOptions {
  store: Store;
  runner: PhaseRunner;
  /** Phases that may run at the same time. */
  concurrency: number;
  /** Expected seconds of a phase: among those ready, the one with the longest chain behind it starts first. */
  estimate(phase: Phase): number;
  /** Phases that use every core and therefore run alone. */
  runsAlone?(phase: Phase): boolean;
  onEvent?(event: StudyEvent): void;
  signal?: AbortSignal;
}

/**
 * Runs every phase of a study that is not yet in the store, parents first. Only this function knows about order.
 *
 * @returns The record of every phase by id.
 * @throws StudyError `phase-failed` naming the phase, after the phases under way have ended; `interrupted` when the signal fired.
 */
export async function executeStudy(study: Study, options: ExecuteOptions): Promise<Map<string, PhaseRecord>> {
  const { store, runner, concurrency, onEvent, signal } = options;
  const records = new Map<string, PhaseRecord>();
  const needed = await neededPhases(study, store, records, (phase, record) =>
    onEvent?.({ type: 'phase-skipped', phase, record }),
  );
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
      const ready = [...waiting].filter((phase) => prerequisites(phase).every((id) => records.has(id)));
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

/**
 * Phases that must run: the unfinished ones that somebody needs. A finished phase needs nothing, so an unfinished predecessor that
 * only led to finished ones (a shorter cut of a run that is already longer) is left out.
 */
async function neededPhases(
  study: Study,
  store: Store,
  records: Map<string, PhaseRecord>,
  onSkipped: (phase: Phase, record: PhaseRecord) => void,
): Promise<Phase[]> {
  const byId = new Map(study.phases.map((phase) => [phase.id, phase]));
  const needed = new Set<Phase>();
  for (const phase of [...study.phases].reverse()) {
    const isWanted = phase.kind === 'report' || [...needed].some((other) => prerequisites(other).includes(phase.id));
    const record = await store.record(phase);
    if (record) {
      records.set(phase.id, record);
      onSkipped(phase, record);
    } else if (isWanted) {
      needed.add(phase);
    }
  }
  return [...byId.values()].filter((phase) => needed.has(phase));
}

/** Seconds from the start of each phase to the end of the longest chain that begins with it. */
function chainSeconds(phases: Phase[], estimate: (phase: Phase) => number): Map<Phase, number> {
  const chain = new Map<Phase, number>();
  for (const phase of [...phases].reverse()) {
    const after = phases
      .filter((other) => prerequisites(other).includes(phase.id))
      .map((other) => chain.get(other) ?? 0);
    chain.set(phase, estimate(phase) + Math.max(0, ...after));
  }
  return chain;
}
