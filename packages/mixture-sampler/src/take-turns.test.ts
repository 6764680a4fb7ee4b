import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixture, type MixtureItem, type MixtureState, takeTurns } from './index.ts';
import { anyEnd, anyPlan, anyPolicy, type Numbered, sourcesOf, take } from './testing/plans.ts';

describe('several readers', () => {
  it('see together what one reader sees, however often their number changes', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyPlan(anyEnd),
        anyPolicy,
        fc.array(fc.record({ world: fc.integer({ min: 1, max: 5 }), rounds: fc.nat(8) }), { maxLength: 5 }),
        async (plan, policy, stages) => {
          const sources = sourcesOf(plan);
          const one = createMixture({ sources, policy });
          const expected = await take(
            one,
            stages.reduce((sum, { world, rounds }) => sum + world * rounds, 0),
          );
          const together: MixtureItem<Numbered>[] = [];
          let state: MixtureState | undefined;
          for (const { world, rounds } of stages) {
            const readers = Array.from({ length: world }, (_, rank) =>
              takeTurns(createMixture({ sources, policy, state }), { rank, world }),
            );
            const parts = await Promise.all(readers.map((reader) => take(reader, rounds)));
            for (let round = 0; round < rounds; round++)
              for (const part of parts) if (part[round]) together.push(part[round]!);
            if (parts.every((part) => part.length === rounds)) {
              const states = readers.map((reader) => JSON.stringify(reader.state()));
              expect(new Set(states).size).toBe(1);
              state = JSON.parse(states[0]!);
            } else break; // the data ended within the last round
          }
          expect(together).toEqual(expected.slice(0, together.length));
          expect(together.length).toBe(expected.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('give each item to one reader, also where the last round is not full', async () => {
    const sources = sourcesOf([{ weight: 1, costs: [1, 2, 3, 4, 5], whenExhausted: 'stop' }]);
    const parts = await Promise.all(
      [0, 1, 2].map((rank) => take(takeTurns(createMixture({ sources }), { rank, world: 3 }), 9)),
    );
    expect(parts.map((part) => part.map(({ cost }) => cost))).toEqual([[1, 4], [2, 5], [3]]);
  });

  it('serves overlapping calls in order and closes what it reads', async () => {
    const sources = sourcesOf([{ weight: 1, costs: [1, 2, 3, 4], whenExhausted: 'repeat' }]);
    const reader = takeTurns(createMixture({ sources }), { rank: 1, world: 2 });
    const results = await Promise.all([reader.next(), reader.next(), reader.next()]);
    expect(results.map(({ value }) => value?.cost)).toEqual([2, 4, 2]);
    await reader.return?.();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    [0, 0, /world/],
    [0, 1.5, /world/],
    [2, 2, /rank to be a whole number from 0 to 1, got 2/],
    [-1, 2, /got -1/],
  ])('rank %s of %s is an error', (rank, world, message) => {
    const mixture = createMixture({ sources: sourcesOf([{ weight: 1, costs: [1], whenExhausted: 'stop' }]) });
    expect(() => takeTurns(mixture, { rank, world })).toThrow(message);
  });
});
