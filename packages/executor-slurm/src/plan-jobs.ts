import { type Phase, prerequisites } from '@vlm/study';

/** Phases that go to Slurm as one job, or as one array where there are several. */
export interface PlannedJob {
  kind: Phase['kind'];
  phases: Phase[];
  /**
   * `all`: begins when all these phases have ended well. `each`: an array of the same length, whose task i begins when task i of that one has
   * ended well.
   */
  after: { how: 'all'; phases: Phase[] } | { how: 'each'; job: PlannedJob };
}

/**
 * Packs a study's unfinished phases into as few jobs as their order allows: phases of one kind that wait for the same are an array, and so are
 * those that each wait for one task of an array.
 *
 * @param needed unfinished phases, each after all that it needs
 */
export function planJobs(needed: readonly Phase[], largestArray = 1000): PlannedJob[] {
  const before = directPrerequisites(needed);
  const jobOf = new Map<string, PlannedJob>();
  const jobs: PlannedJob[] = [];
  const add = (job: PlannedJob): void => {
    jobs.push(job);
    for (const phase of job.phases) jobOf.set(phase.id, job);
  };
  for (const generation of generations(needed, before)) {
    const inTurn: Phase[] = [];
    for (const [from, followers] of groupBy(generation, (phase) => soleArrayBefore(phase, before, jobOf))) {
      const ordered = from && followersInOrder(from, followers, before);
      if (ordered) add({ kind: ordered[0]!.kind, phases: ordered, after: { how: 'each', job: from } });
      else inTurn.push(...followers);
    }
    const alike = groupBy(inTurn, (phase) => `${phase.kind} ${before.get(phase.id)!.map(({ id }) => id)}`);
    for (const phases of alike.values()) {
      const all = before.get(phases[0]!.id)!;
      for (let from = 0; from < phases.length; from += largestArray) {
        const some = phases.slice(from, from + largestArray);
        add({ kind: some[0]!.kind, phases: some, after: { how: 'all', phases: all } });
      }
    }
  }
  return jobs;
}

/** What each phase waits for, without what is waited for anyway. */
function directPrerequisites(needed: readonly Phase[]): Map<string, Phase[]> {
  const byId = new Map(needed.map((phase) => [phase.id, phase]));
  const all = new Map<string, Set<string>>();
  const direct = new Map<string, Phase[]>();
  for (const phase of needed) {
    const ids = prerequisites(phase).filter((id) => byId.has(id));
    const implied = new Set(ids.flatMap((id) => [...all.get(id)!]));
    all.set(phase.id, new Set([...ids, ...implied]));
    direct.set(
      phase.id,
      [...new Set(ids)].filter((id) => !implied.has(id)).map((id) => byId.get(id)!),
    );
  }
  return direct;
}

/** Phases by the length of the longest chain that leads to them. */
function generations(needed: readonly Phase[], before: ReadonlyMap<string, readonly Phase[]>): Phase[][] {
  const depth = new Map<string, number>();
  const found: Phase[][] = [];
  for (const phase of needed) {
    const own = Math.max(-1, ...before.get(phase.id)!.map(({ id }) => depth.get(id)!)) + 1;
    depth.set(phase.id, own);
    found[own] ??= [];
    found[own].push(phase);
  }
  return found;
}

/** The array of which a phase follows one task and nothing else. */
function soleArrayBefore(
  phase: Phase,
  before: ReadonlyMap<string, readonly Phase[]>,
  jobOf: ReadonlyMap<string, PlannedJob>,
): PlannedJob | undefined {
  const [only, ...more] = before.get(phase.id)!;
  if (!only || more.length > 0) return undefined;
  const job = jobOf.get(only.id);
  return job && job.phases.length > 1 ? job : undefined;
}

/** The followers in the order of the tasks that they follow, where each task has one, all of a kind. */
function followersInOrder(
  { phases }: PlannedJob,
  followers: readonly Phase[],
  before: ReadonlyMap<string, readonly Phase[]>,
): Phase[] | undefined {
  const byTask = new Map(followers.map((phase) => [before.get(phase.id)![0]!.id, phase]));
  const isOneToOne = byTask.size === phases.length && followers.length === phases.length;
  if (!isOneToOne || followers.some(({ kind }) => kind !== followers[0]!.kind)) return undefined;
  return phases.map(({ id }) => byTask.get(id)!);
}

function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}
