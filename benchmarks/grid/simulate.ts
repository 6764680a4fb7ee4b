import { chainSeconds, isReady, type Phase, prerequisites } from '@vlm/study';

/** A phase as a cluster sees it. */
export interface GridPhase {
  phase: Phase;
  /** Work in hours of one GPU; on several it is shared evenly. */
  gpuHours: number;
  /** The most GPUs that it can use. */
  mostGpus: number;
}

export interface Simulated {
  gpus: number;
  /** From the first phase to the last, in hours. */
  makespanHours: number;
  /** GPU hours that worked, of all that were there until the end. */
  utilisation: number;
  /** What no schedule can be shorter than: all work on all GPUs, and the longest chain with as many GPUs as each phase can use. */
  workBoundHours: number;
  chainBoundHours: number;
  /** Ids of the longest chain. */
  chain: string[];
}

/**
 * Runs phases on a cluster as the executors do: of those whose prerequisites are done, the one with the longest chain behind it first, each
 * on as many GPUs as it can use; one that does not fit leaves the place to the next that does.
 */
export function simulate(phases: readonly GridPhase[], gpus: number): Simulated {
  const byPhase = new Map(phases.map((grid) => [grid.phase, grid]));
  const width = ({ mostGpus }: GridPhase): number => Math.min(gpus, mostGpus);
  const hours = (grid: GridPhase): number => grid.gpuHours / width(grid);
  const chain = chainSeconds(
    phases.map(({ phase }) => phase),
    (phase) => hours(byPhase.get(phase)!),
  );
  const waiting = new Set(phases);
  const running = new Map<GridPhase, number>();
  const finished = new Set<string>();
  let free = gpus;
  let now = 0;
  while (waiting.size > 0 || running.size > 0) {
    const ready = [...waiting].filter(({ phase }) => isReady(phase, finished));
    ready.sort((a, b) => chain.get(b.phase)! - chain.get(a.phase)!);
    for (const grid of ready) {
      if (width(grid) > free) continue;
      free -= width(grid);
      waiting.delete(grid);
      running.set(grid, now + hours(grid));
    }
    now = Math.min(...running.values());
    for (const [grid, end] of running) {
      if (end > now) continue;
      running.delete(grid);
      finished.add(grid.phase.id);
      free += width(grid);
    }
  }
  const work = phases.reduce((sum, { gpuHours }) => sum + gpuHours, 0);
  const longest = longestChain(phases, chain);
  return {
    gpus,
    makespanHours: now,
    utilisation: work / (now * gpus),
    workBoundHours: work / gpus,
    chainBoundHours: chain.get(longest[0]!)!,
    chain: longest.map(({ id }) => id),
  };
}

function longestChain(phases: readonly GridPhase[], chain: ReadonlyMap<Phase, number>): Phase[] {
  const longestOf = (some: readonly Phase[]): Phase | undefined =>
    [...some].sort((a, b) => chain.get(b)! - chain.get(a)!)[0];
  const found: Phase[] = [];
  let next = longestOf(phases.map(({ phase }) => phase));
  while (next) {
    found.push(next);
    const { id } = next;
    next = longestOf(phases.map(({ phase }) => phase).filter((phase) => prerequisites(phase).includes(id)));
  }
  return found;
}
