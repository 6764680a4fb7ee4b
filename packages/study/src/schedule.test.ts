import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Phase } from './graph.ts';
import { isReady, readyQueue } from './schedule.ts';

/** Phases in an order in which each comes after all that it needs; every pair of numbers is an edge, repeated ones in two roles. */
function phasesOf(count: number, edges: readonly (readonly [number, number])[]): Phase[] {
  return Array.from({ length: count }, (_, i) => {
    const before = edges.flatMap(([a, b]) => (Math.max(a, b) === i && a !== b ? [`p${Math.min(a, b)}`] : []));
    const parents = Object.fromEntries(before.map((id, role) => [`role-${role}`, id]));
    return { id: `p${i}`, kind: 'branch', settings: {}, parents, hash: `${i}` };
  });
}

const graphs = fc.integer({ min: 1, max: 14 }).chain((count) => {
  const place = fc.nat(count - 1);
  return fc.record({
    phases: fc.array(fc.tuple(place, place), { maxLength: 40 }).map((edges) => phasesOf(count, edges)),
    priorities: fc.array(fc.nat(3), { minLength: count, maxLength: count }),
    /** Phases whose first attempt fails. */
    failing: fc.uniqueArray(place),
    atATime: fc.integer({ min: 1, max: 3 }),
  });
});

describe('readyQueue', () => {
  it('gives phases in the order that a look at all of them, sorted by priority, would give', () => {
    fc.assert(
      fc.property(graphs, ({ phases, priorities, failing, atATime }) => {
        const priority = new Map(phases.map((phase, i) => [phase, priorities[i]!]));
        const fails = new Set(failing.map((i) => phases[i]!));

        const order = (choose: () => Phase | undefined, end: (phase: Phase, isFailed: boolean) => void): string[] => {
          const left = new Set(fails);
          const running: Phase[] = [];
          const started: string[] = [];
          for (;;) {
            while (running.length < atATime) {
              const phase = choose();
              if (!phase) break;
              running.push(phase);
              started.push(phase.id);
            }
            const ending = running.shift();
            if (!ending) return started;
            end(ending, left.delete(ending));
          }
        };

        const queue = readyQueue(phases, priority);
        const byCount = order(
          () => {
            const phase = queue.first(() => true);
            if (phase) queue.take(phase);
            return phase;
          },
          (phase, isFailed) => (isFailed ? queue.putBack(phase) : queue.finish(phase)),
        );

        const waiting = new Set(phases);
        const finished = new Set<string>();
        const byLooking = order(
          () => {
            const ready = [...waiting].filter((phase) => isReady(phase, finished));
            const [phase] = ready.sort((a, b) => priority.get(b)! - priority.get(a)!);
            if (phase) waiting.delete(phase);
            return phase;
          },
          (phase, isFailed) => void (isFailed ? waiting.add(phase) : finished.add(phase.id)),
        );

        expect(byCount).toEqual(byLooking);
        expect(byCount.length).toBe(phases.length + fails.size);
      }),
    );
  });
});
