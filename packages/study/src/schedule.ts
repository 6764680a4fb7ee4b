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
 * Phases that must run: the unfinished ones among those at the study's end (its report) and all that they need, in the study's order. A
 * finished phase needs nothing, so an unfinished predecessor that only led to finished ones (a shorter cut of a run that is already longer)
 * is left out.
 */
export function neededPhases(study: Study, finished: Pick<ReadonlySet<string>, 'has'>): Phase[] {
  const after = dependents(study.phases);
  const wanted = new Set(study.phases.flatMap(({ id }) => (after.get(id)!.length === 0 ? [id] : [])));
  const needed: Phase[] = [];
  for (const phase of [...study.phases].reverse()) {
    if (finished.has(phase.id) || !wanted.has(phase.id)) continue;
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

/** Phases that have all they need and wait for somebody to run them. */
export interface ReadyQueue {
  /** Of those wanted, the one with the longest chain behind it; of equal ones, the one that came first. */
  first(isWanted: (phase: Phase) => boolean): Phase | undefined;
  /** Takes a phase out. */
  take(phase: Phase): void;
  /** A phase has come to its end: those that waited for it alone are now ready. */
  finish(phase: Phase): void;
  /** Puts a phase back, behind its equals. */
  putBack(phase: Phase): void;
}

/**
 * Counts for each phase what it still needs, so that the end of one phase costs no look at all the others.
 *
 * @param needed unfinished phases, and all that they need of unfinished ones
 */
export function readyQueue(needed: readonly Phase[], priority: ReadonlyMap<Phase, number>): ReadyQueue {
  const after = dependents(needed);
  const missing = new Map(needed.map((phase) => [phase, prerequisites(phase).filter((id) => after.has(id)).length]));
  const turn = new Map(needed.map((phase, i) => [phase, i]));
  let turns = needed.length;
  const comesBefore = (a: Phase, b: Phase): boolean =>
    priority.get(a)! > priority.get(b)! || (priority.get(a) === priority.get(b) && turn.get(a)! < turn.get(b)!);
  /** In order. */
  const ready: Phase[] = [];
  /** Where a phase stands, or belongs. */
  const placeOf = (phase: Phase): number => {
    let [low, high] = [0, ready.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(ready[middle]!, phase)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const add = (phase: Phase): void => void ready.splice(placeOf(phase), 0, phase);
  for (const phase of needed) if (missing.get(phase) === 0) add(phase);
  return {
    first: (isWanted) => ready.find(isWanted),
    take(phase) {
      const place = placeOf(phase);
      if (ready[place] === phase) ready.splice(place, 1);
    },
    finish(phase) {
      for (const waiting of after.get(phase.id) ?? []) {
        const left = missing.get(waiting)! - 1;
        missing.set(waiting, left);
        if (left === 0) add(waiting);
      }
    },
    putBack(phase) {
      turn.set(phase, turns++);
      add(phase);
    },
  };
}
