import type { Phase, Study } from './graph.ts';
import { phaseCost } from './phase-cost.ts';

export interface PlannedPhase {
  id: string;
  kind: string;
  hash: string;
  /** Training tokens, or images, or items, with their unit. */
  amount: number;
  unit: string;
  flops: number;
  /** Peak memory of the phase's process, roughly, in bytes. */
  memoryBytes: number;
  /** Bytes the phase leaves in the store. */
  storeBytes: number;
  seconds: number;
}

export interface StudyPlan {
  phases: PlannedPhase[];
  parameters: number;
  flops: number;
  storeBytes: number;
  /** With `concurrency` phases at a time. */
  seconds: number;
  memoryBytes: number;
}

/**
 * What a study will cost, before anything runs. Times assume the rates measured on two AVX2 cores for the compiled engine
 * (`phase-cost.ts`), so they are a guide; the display corrects them as phases finish.
 */
export function planStudy(study: Study, concurrency: number): StudyPlan {
  const phases = study.phases.map((phase) => plannedPhase(study, phase));
  const largest = [...phases].sort((a, b) => b.memoryBytes - a.memoryBytes);
  return {
    phases,
    parameters: Math.max(0, ...study.phases.map((phase) => phaseCost(study, phase).parameters)),
    flops: sum(phases.map((phase) => phase.flops)),
    storeBytes: sum(phases.map((phase) => phase.storeBytes)),
    seconds: scheduleSeconds(study.phases, new Map(phases.map((phase) => [phase.id, phase.seconds])), concurrency),
    memoryBytes: sum(largest.slice(0, concurrency).map((phase) => phase.memoryBytes)),
  };
}

/** Expected seconds of one phase. */
export function estimateSeconds(study: Study, phase: Phase): number {
  return phaseCost(study, phase).seconds;
}

function plannedPhase(study: Study, phase: Phase): PlannedPhase {
  const { amount, unit, flops, memoryBytes, storeBytes, seconds } = phaseCost(study, phase);
  return { id: phase.id, kind: phase.kind, hash: phase.hash, amount, unit, flops, memoryBytes, storeBytes, seconds };
}

/** Length of a greedy schedule, in graph order, on `concurrency` workers. */
function scheduleSeconds(phases: readonly Phase[], seconds: ReadonlyMap<string, number>, concurrency: number): number {
  const workerFree = new Array<number>(concurrency).fill(0);
  const finished = new Map<string, number>();
  for (const phase of phases) {
    const before =
      phase.continues === undefined ? Object.values(phase.parents) : [...Object.values(phase.parents), phase.continues];
    const ready = Math.max(0, ...before.map((id) => finished.get(id) ?? 0));
    const worker = workerFree.indexOf(Math.min(...workerFree));
    const end = Math.max(ready, workerFree[worker]!) + seconds.get(phase.id)!;
    workerFree[worker] = end;
    finished.set(phase.id, end);
  }
  return Math.max(0, ...finished.values());
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
