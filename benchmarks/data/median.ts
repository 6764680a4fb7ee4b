import { performance } from 'node:perf_hooks';

/**
 * Runs ways of doing the same thing in turn, so that a noisy machine is noisy for all of them.
 *
 * @param rounds turns after one that is not counted
 * @returns median of the seconds per run, by name
 */
export async function alternate<Name extends string>(
  ways: Record<Name, () => unknown>,
  rounds = 5,
): Promise<Record<Name, number>> {
  const names = Object.keys(ways) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++)
    for (const name of names) {
      const startMs = performance.now();
      await ways[name]();
      if (round >= 0) times.get(name)!.push((performance.now() - startMs) / 1000);
    }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<Name, number>;
}

/** The middle of some numbers (the upper of the two middle ones). */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
