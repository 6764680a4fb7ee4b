import type { StudyEvent } from './executor.ts';
import { type Phase, prerequisites } from './graph.ts';

/** Follows a study's events and says how long the rest will take. */
export interface TimeLeft {
  observe(event: StudyEvent, nowMs: number): void;
  /** Seconds until the end, by the plan's estimates corrected by what the finished and running phases really took. */
  seconds(nowMs: number): number;
  /** Seconds until one running phase ends; undefined before it has said anything. */
  phaseSeconds(phase: Phase, nowMs: number): number | undefined;
  /** Seconds of work that one phase still is: 0 when it is done, the corrected estimate before it has said anything. */
  workSeconds(phase: Phase, nowMs: number): number;
}

/** A phase under way. Its pace counts from `first`: a resumed phase has done most of its work before, and says 0 while it still waits or fetches. */
interface RunningPhase {
  startedMs: number;
  fraction: number;
  first: { atMs: number; fraction: number } | undefined;
}

/** How many seconds of estimate the plan itself is worth against measurements: early corrections stay small. */
const priorSeconds = 20;

export function createTimeLeft(
  phases: readonly Phase[],
  estimate: (phase: Phase) => number,
  concurrency: number,
): TimeLeft {
  const remaining = new Map(phases.map((phase) => [phase, estimate(phase)]));
  const started = new Map<Phase, RunningPhase>();
  let expected = priorSeconds;
  let measured = priorSeconds;

  const phaseSeconds = (phase: Phase, nowMs: number): number | undefined => {
    const run = started.get(phase);
    if (!run?.first || run.fraction - run.first.fraction < 0.02) return undefined;
    const spent = (nowMs - run.first.atMs) / 1000;
    return (spent * (1 - run.fraction)) / (run.fraction - run.first.fraction);
  };

  const workSeconds = (phase: Phase, nowMs: number): number => {
    const estimated = remaining.get(phase);
    if (estimated === undefined) return 0;
    const fraction = started.get(phase)?.fraction ?? 0;
    return phaseSeconds(phase, nowMs) ?? (estimated * (1 - fraction) * measured) / expected;
  };

  return {
    observe(event, nowMs) {
      const { phase } = event;
      if (event.type === 'phase-skipped') remaining.delete(phase);
      if (event.type === 'phase-failed') for (const lost of whatNeeds(phase, phases)) remaining.delete(lost);
      if (event.type === 'phase-started') started.set(phase, { startedMs: nowMs, fraction: 0, first: undefined });
      if (event.type === 'phase-progress') {
        const run = started.get(phase);
        if (!run) return;
        const { fraction } = event.progress;
        run.fraction = fraction;
        if (fraction > 0) run.first ??= { atMs: nowMs, fraction };
      }
      if (event.type === 'phase-finished') {
        remaining.delete(phase);
        const run = started.get(phase);
        started.delete(phase);
        if (run && (run.first?.fraction ?? 0) < 0.05) {
          expected += estimate(phase);
          measured += (nowMs - run.startedMs) / 1000;
        }
      }
    },
    seconds(nowMs) {
      const left = [...remaining.keys()].map((phase) => workSeconds(phase, nowMs));
      const work = left.reduce((sum, seconds) => sum + seconds, 0);
      return Math.max(0, ...left, work / concurrency);
    },
    phaseSeconds,
    workSeconds,
  };
}

/** A phase and all that cannot run without it. Phases stand behind what they need. */
function whatNeeds(phase: Phase, phases: readonly Phase[]): Phase[] {
  const ids = new Set([phase.id]);
  for (const other of phases) if (prerequisites(other).some((id) => ids.has(id))) ids.add(other.id);
  return phases.filter(({ id }) => ids.has(id));
}
