import { countParameters, vlmParams } from '@vlm/model';
import { a100Hours } from './gpu-hours.ts';
import {
  type Phase,
  phasesOfArm,
  prerequisites,
  type Study,
  textModelId,
  untouchedName,
  usedCheckpoints,
} from './graph.ts';
import { textModelConfig } from './model-config.ts';
import { phaseCost } from './phase-cost.ts';
import { chainSeconds } from './schedule.ts';

export interface PlannedPhase {
  id: string;
  kind: string;
  hash: string;
  /** Training tokens, or images, or items, with their unit. */
  amount: number;
  /** Set where nobody knows the amount before the phase has run: it is this or more, and so are disk and time. */
  isAtLeast?: true;
  unit: string;
  flops: number;
  /** Peak memory of the phase's process, roughly, in bytes. */
  memoryBytes: number;
  /** Bytes the phase leaves in the store. */
  storeBytes: number;
  seconds: number;
  /** Hours of one A100, for phases that train the decoder; 0 for the others. */
  a100Hours: number;
  /** Models (arms × seeds, and the text model) that this phase serves. */
  models: number;
  /** Whether the store has it already. */
  finished: boolean;
}

/** What running some phases costs. */
export interface PlanTotal {
  phases: number;
  trainingTokens: number;
  flops: number;
  a100Hours: number;
}

export interface StudyPlan {
  phases: PlannedPhase[];
  /** Of the largest model with its projector, and of the recipe's decoder alone (the paper's Table 2). */
  parameters: number;
  decoderParameters: number;
  flops: number;
  storeBytes: number;
  /** With `concurrency` phases at a time, of what is not finished. */
  seconds: number;
  memoryBytes: number;
  /** Every phase once; those that are not finished; and every model trained from nothing by itself, as without sharing. */
  all: PlanTotal;
  toDo: PlanTotal;
  naive: PlanTotal;
}

export interface PlanOptions {
  /** Phases at a time. */
  concurrency: number;
  /** Identities of phases that need not run again. */
  finished?: ReadonlySet<string>;
  /** Training speed that was measured, in FLOP/s of one phase (`calibrate`); left out: that of two AVX2 cores. */
  trainingFlopsPerSecond?: number | undefined;
}

/** What a study will cost, before anything runs. The times are a guide; the display corrects them as phases finish. */
export function planStudy(study: Study, options: PlanOptions): StudyPlan {
  const { concurrency, finished = new Set() } = options;
  const modelPhases = phasesOfModels(study);
  const costs = study.phases.map((phase) => phaseCost(study, phase, options.trainingFlopsPerSecond));
  const phases = study.phases.map((phase, i): PlannedPhase => {
    const { amount, isAtLeast, unit, flops, memoryBytes, storeBytes, seconds } = costs[i]!;
    return {
      id: phase.id,
      kind: phase.kind,
      hash: phase.hash,
      amount,
      ...(isAtLeast ? { isAtLeast } : {}),
      unit,
      flops,
      memoryBytes,
      storeBytes,
      seconds,
      a100Hours: unit === 'tokens' ? a100Hours(flops) : 0,
      models: modelPhases.filter((ids) => ids.has(phase.id)).length,
      finished: finished.has(phase.hash),
    };
  });
  const byId = new Map(phases.map((phase) => [phase.id, phase]));
  const largest = [...phases].sort((a, b) => b.memoryBytes - a.memoryBytes);
  const toDo = phases.filter((phase) => !phase.finished);
  return {
    phases,
    parameters: Math.max(0, ...costs.map((cost) => cost.parameters)),
    decoderParameters: countParameters(vlmParams(textModelConfig(study.recipe, study.recipe.tokenizer.vocabSize))),
    flops: sum(phases.map((phase) => phase.flops)),
    storeBytes: sum(phases.map((phase) => phase.storeBytes)),
    seconds: scheduleSeconds(
      study.phases,
      new Map(phases.map((phase) => [phase.id, phase.finished ? 0 : phase.seconds])),
      concurrency,
    ),
    memoryBytes: sum(largest.slice(0, concurrency).map((phase) => phase.memoryBytes)),
    all: total(phases),
    toDo: total(toDo),
    naive: total(modelPhases.flatMap((ids) => [...ids].map((id) => byId.get(id)!))),
  };
}

/** Expected seconds of one phase. */
export function estimateSeconds(study: Study, phase: Phase, trainingFlopsPerSecond?: number): number {
  return phaseCost(study, phase, trainingFlopsPerSecond).seconds;
}

/** For every model that is evaluated, the ids of all phases that it needs. */
function phasesOfModels(study: Study): Set<string>[] {
  const byId = new Map(study.phases.map((phase) => [phase.id, phase]));
  const { arms, seeds } = study.recipe;
  const untouched = [
    ...seeds.map(textModelId),
    ...usedCheckpoints(study.recipe).map((checkpoint) => `evaluate/${untouchedName(checkpoint)}`),
  ];
  const ends = [
    ...seeds.flatMap((seed) => arms.map((arm) => phasesOfArm(study, `${arm.id}/seed-${seed}`)!.evaluate.id)),
    ...untouched.filter((id) => byId.has(id)),
  ];
  return ends.map((end) => {
    const needed = new Set<string>();
    const visit = (id: string): void => {
      if (needed.has(id)) return;
      needed.add(id);
      for (const before of prerequisites(byId.get(id)!)) visit(before);
    };
    visit(end);
    return needed;
  });
}

function total(phases: readonly PlannedPhase[]): PlanTotal {
  return {
    phases: phases.length,
    trainingTokens: sum(phases.filter(({ unit }) => unit === 'tokens').map(({ amount }) => amount)),
    flops: sum(phases.map(({ flops }) => flops)),
    a100Hours: sum(phases.map((phase) => phase.a100Hours)),
  };
}

/** How long `concurrency` workers take that do as `executeStudy` does: of the phases that are ready, the one with the longest chain behind it. */
function scheduleSeconds(phases: readonly Phase[], seconds: ReadonlyMap<string, number>, concurrency: number): number {
  const priority = chainSeconds(phases, ({ id }) => seconds.get(id)!);
  const waiting = [...phases].sort((a, b) => priority.get(b)! - priority.get(a)!);
  const finished = new Set<string>();
  const running: { id: string; end: number }[] = [];
  let now = 0;
  while (waiting.length > 0 || running.length > 0) {
    while (running.length < concurrency) {
      const next = waiting.findIndex((phase) => prerequisites(phase).every((id) => finished.has(id)));
      if (next < 0) break;
      const [{ id }] = waiting.splice(next, 1) as [Phase];
      running.push({ id, end: now + seconds.get(id)! });
    }
    running.sort((a, b) => a.end - b.end);
    const { id, end } = running.shift()!;
    now = end;
    finished.add(id);
  }
  return now;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
