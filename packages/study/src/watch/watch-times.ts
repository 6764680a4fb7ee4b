import { calibratedRate } from '../calibrate.ts';
import type { PhaseStatus } from '../executor.ts';
import { type Phase, prerequisites, type Study } from '../graph.ts';
import { estimateSeconds } from '../plan.ts';
import type { PhaseRecord, Store } from '../store.ts';
import { createTimeLeft } from '../time-left.ts';

/** How long what is watched will take, learnt from one look after another. */
export interface WatchTimes {
  /** Told of every phase at every look. */
  observe(phase: Phase, record: PhaseRecord | undefined, status: PhaseStatus | undefined): void;
  /** Seconds until a phase ends, were it and all that it waits for never to wait for a worker. */
  untilEnd(phase: Phase): number;
  /** The same of the phase alone. */
  ofPhase(phase: Phase): number;
}

export async function watchTimes(study: Study, store: Store): Promise<WatchTimes> {
  const rate = await calibratedRate(study.recipe, store);
  const timeLeft = createTimeLeft(study.phases, (phase) => estimateSeconds(study, phase, rate), 1);
  const byId = new Map(study.phases.map((phase) => [phase.id, phase]));
  const seen = new Map<Phase, 'running' | 'done'>();
  const untilEnd = (phase: Phase): number => {
    if (seen.get(phase) === 'done') return 0;
    const before = prerequisites(phase).map((id) => untilEnd(byId.get(id)!));
    return Math.max(0, ...before) + timeLeft.workSeconds(phase, performance.now());
  };
  return {
    observe(phase, record, status) {
      const nowMs = performance.now();
      if (record) {
        if (seen.get(phase) === 'done') return;
        // One that ended before this watching began tells by its record what it took.
        if (!seen.has(phase)) timeLeft.observe({ type: 'phase-started', phase }, nowMs - 1000 * record.seconds);
        timeLeft.observe({ type: 'phase-finished', phase, record }, nowMs);
        seen.set(phase, 'done');
      } else if (status?.state === 'running') {
        if (!seen.has(phase)) timeLeft.observe({ type: 'phase-started', phase }, nowMs);
        seen.set(phase, 'running');
        if (status.progress) timeLeft.observe({ type: 'phase-progress', phase, progress: status.progress }, nowMs);
      } else seen.delete(phase);
    },
    untilEnd,
    ofPhase: (phase) => timeLeft.workSeconds(phase, performance.now()),
  };
}
