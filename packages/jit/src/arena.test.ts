import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena, arenaLayout } from './arena.ts';
import { planOptimizer } from './optimizer/optimizer-plan.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

test('arrays are aligned, disjoint, inside the block, and grouped by decay', () => {
  const parameter = fc.record({
    size: fc.integer({ min: 0, max: 70 }),
    kind: fc.constantFrom('w', 'b', 's', 'frozen'),
  });
  fc.assert(
    fc.property(fc.array(parameter, { minLength: 1, maxLength: 12 }), fc.constantFrom(0, 1, 2), (list, moments) => {
      const params = Object.fromEntries(list.map(({ size, kind }, i) => [`${kind}${i}`, f32(size)]));
      const names = Object.keys(params);
      const frozen = names.filter((name) => name.startsWith('frozen'));
      const { groups } = planOptimizer(
        {
          kind: 'sgd',
          weightDecay: 0.1,
          decays: (name) => name.startsWith('w'),
          learningRateScale: (name) => (name.startsWith('s') ? 0.5 : 1),
        },
        names.filter((name) => !frozen.includes(name)),
      );
      const layout = arenaLayout(params, frozen, groups, moments);
      const arena = new Arena(layout, new ArrayBuffer(layout.bytes));
      const views = [arena.params, arena.gradients, arena.m, arena.v].flatMap((region) => Object.values(region));
      for (const view of views) expect(view.byteOffset % 64).toBe(0);
      for (const view of views) {
        expect(view.every((x) => x === 0)).toBe(true);
        view.fill(1);
      }
      expect(views).toHaveLength(names.length + (1 + moments) * (names.length - frozen.length));
      for (const { name, offset } of layout.trained) {
        const run = layout.runs.find((r) => offset >= r.offset && offset < r.offset + r.length);
        if (params[name]!.shape[0]) {
          expect(run).toMatchObject({
            weightDecay: name.startsWith('w') ? 0.1 : 0,
            learningRateScale: name.startsWith('s') ? 0.5 : 1,
          });
        }
        if (moments) expect(arena.pointer(2, offset)).toBe(arena.m[name]!.byteOffset);
      }
      expect(Object.keys(arena.copy().params)).toEqual(names);
    }),
  );
});

test('a state too large for 32-bit memory is refused before anything is allocated', () => {
  expect(() =>
    arenaLayout({ w: f32(2 ** 15, 2 ** 14) }, [], [{ params: ['w'], weightDecay: 0, learningRateScale: 1 }], 2),
  ).toThrow(/at most 4294967296 bytes.*got 8589934592/);
});
