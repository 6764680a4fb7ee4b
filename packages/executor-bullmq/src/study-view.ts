import { chainSeconds, dependents, type Phase, prerequisites, type Store, type Study } from '@vlm/study';
import { jobId, jobPriority, labelOf, type PhaseJob } from './phase-job.ts';
import { type Attempts, jobOptions, type Queues } from './queues.ts';
import type { SubmittedStudy } from './registry.ts';

/** A submitted study with what is needed to give its phases to the queue, from the submitter and from every worker alike. */
export interface StudyView extends SubmittedStudy {
  /** Ids of what a phase waits for, and phases that wait for one, by its id. A report waits for thousands: they are listed once. */
  before: ReadonlyMap<string, readonly string[]>;
  after: ReadonlyMap<string, readonly Phase[]>;
  byHash: ReadonlyMap<string, Phase>;
  byId: ReadonlyMap<string, Phase>;
  /** Ids of phases known to be finished; only ever grows. */
  finished: Set<string>;
  /** The first of a phase's prerequisites that was not finished when somebody last looked: those before it are. */
  waitsFor: Map<string, number>;
  priority(phase: Phase): number;
}

export function viewStudy(submitted: SubmittedStudy): StudyView {
  const { study, priorities } = submitted;
  const placeOf = new Map(study.phases.map(({ id }, i) => [id, i]));
  return {
    ...submitted,
    before: new Map(study.phases.map((phase) => [phase.id, prerequisites(phase)])),
    after: dependents(study.phases),
    byHash: new Map(study.phases.map((phase) => [phase.hash, phase])),
    byId: new Map(study.phases.map((phase) => [phase.id, phase])),
    finished: new Set(),
    waitsFor: new Map(),
    priority: ({ id }) => priorities[placeOf.get(id)!] ?? 1,
  };
}

/** BullMQ's priority of each phase of a study, in its order: the longest chain first. */
export function prioritiesOf({ phases }: Study, estimate: (phase: Phase) => number): number[] {
  const chain = chainSeconds(phases, estimate);
  return phases.map((phase) => jobPriority(chain.get(phase)!));
}

/** Adds phases to the queue; one that is there already, for this study or another, is left as it is. */
export async function addPhases(
  queues: Queues,
  view: StudyView,
  phases: readonly Phase[],
  attempts: Attempts,
): Promise<void> {
  const byLabel = new Map<string, Phase[]>();
  for (const phase of phases) {
    const label = labelOf(phase, view.labels);
    const some = byLabel.get(label) ?? [];
    byLabel.set(label, some);
    some.push(phase);
  }
  for (const [label, some] of byLabel) {
    await queues.of(label).addBulk(
      some.map((phase) => ({
        name: phase.id,
        data: { study: view.id, phase: phase.id, hash: phase.hash } satisfies PhaseJob,
        opts: { ...jobOptions(attempts), jobId: jobId(phase), priority: view.priority(phase) },
      })),
    );
  }
}

/** Of the phases that wait for a finished one, those that now have all they need and are not finished themselves. */
export async function readyAfter(view: StudyView, finished: Phase, store: Store): Promise<Phase[]> {
  view.finished.add(finished.id);
  const ready: Phase[] = [];
  for (const phase of view.after.get(finished.id) ?? []) {
    if ((await hasAllItNeeds(view, phase, store)) && !(await isFinished(view, phase.id, store))) ready.push(phase);
  }
  return ready;
}

/** Whether the store has all that a phase needs. Asks about each once it is found: a report waits for thousands, one after the other. */
export async function hasAllItNeeds(view: StudyView, phase: Phase, store: Store): Promise<boolean> {
  const ids = view.before.get(phase.id)!;
  for (let i = view.waitsFor.get(phase.id) ?? 0; i < ids.length; i++) {
    if (await isFinished(view, ids[i]!, store)) continue;
    view.waitsFor.set(phase.id, i);
    return false;
  }
  return true;
}

/** Whether all that stands at a study's end (its report) is finished: then nothing of it is needed any more. */
export async function isComplete(view: StudyView, store: Store): Promise<boolean> {
  for (const [id, after] of view.after) if (after.length === 0 && !(await isFinished(view, id, store))) return false;
  return true;
}

async function isFinished(view: StudyView, id: string, store: Store): Promise<boolean> {
  if (view.finished.has(id)) return true;
  if (!(await store.record(view.byId.get(id)!))) return false;
  view.finished.add(id);
  return true;
}
