import { type Phase, prerequisites, type Study } from './graph.ts';
import type { PhaseRecord, Store } from './store.ts';

const recordsAtATime = 32;

/** The record of every finished phase by id. */
export async function finishedRecords(phases: readonly Phase[], store: Store): Promise<Map<string, PhaseRecord>> {
  const records = new Map<string, PhaseRecord>();
  for (let from = 0; from < phases.length; from += recordsAtATime) {
    const some = phases.slice(from, from + recordsAtATime);
    const found = await Promise.all(some.map((phase) => store.record(phase)));
    for (const [i, record] of found.entries()) if (record) records.set(some[i]!.id, record);
  }
  return records;
}

/**
 * Phases that must run: the unfinished ones that somebody needs, in the study's order. A finished phase needs nothing, so an unfinished
 * predecessor that only led to finished ones (a shorter cut of a run that is already longer) is left out.
 */
export function neededPhases(study: Study, finished: Pick<ReadonlySet<string>, 'has'>): Phase[] {
  const wanted = new Set<string>();
  const needed: Phase[] = [];
  for (const phase of [...study.phases].reverse()) {
    if (finished.has(phase.id) || (phase.kind !== 'report' && !wanted.has(phase.id))) continue;
    needed.push(phase);
    for (const id of prerequisites(phase)) wanted.add(id);
  }
  return needed.reverse();
}

/** Whether all that a phase needs is finished. */
export function isReady(phase: Phase, finished: Pick<ReadonlySet<string>, 'has'>): boolean {
  return prerequisites(phase).every((id) => finished.has(id));
}

/** For each phase by id, those that wait for it. */
export function dependents(phases: readonly Phase[]): Map<string, Phase[]> {
  const after = new Map<string, Phase[]>(phases.map((phase) => [phase.id, []]));
  for (const phase of phases) for (const id of prerequisites(phase)) after.get(id)?.push(phase);
  return after;
}

/** Seconds from the start of each phase to the end of the longest chain that begins with it. */
export function chainSeconds(phases: readonly Phase[], estimate: (phase: Phase) => number): Map<Phase, number> {
  const after = dependents(phases);
  const chain = new Map<Phase, number>();
  for (const phase of [...phases].reverse()) {
    const longest = Math.max(0, ...after.get(phase.id)!.map((other) => chain.get(other) ?? 0));
    chain.set(phase, estimate(phase) + longest);
  }
  return chain;
}
