import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena, arenaLayout } from './arena.ts';

const f32 = (...shape: number[]) => ({ shape, dtype: 'float32' as const });

test('arrays are aligned, disjoint, inside the block, and grouped by decay', () => {
  const parameter = fc.record({ size: fc.integer({ min: 0, max: 70 }), kind: fc.constantFrom('w', 'b', 'frozen') });
  fc.assert(
    fc.property(fc.array(parameter, { minLength: 1, maxLength: 12 }), (list) => {
      const params = Object.fromEntries(list.map(({ size, kind }, i) => [`${kind}${i}`, f32(size)]));
      const names = Object.keys(params);
      const frozen = names.filter((name) => name.startsWith('frozen'));
      const layout = arenaLayout(params, frozen, (name) => name.startsWith('w'));
      const arena = new Arena(layout, new ArrayBuffer(layout.bytes));
      const views = [arena.params, arena.gradients, arena.m, arena.v].flatMap((region) => Object.values(region));
      for (const view of views) expect(view.byteOffset % 64).toBe(0);
      for (const view of views) {
        expect(view.every((x) => x === 0)).toBe(true);
        view.fill(1);
      }
      expect(views).toHaveLength(names.length + 3 * (names.length - frozen.length));
      for (const { name, offset } of layout.trained) {
        const run = layout.runs.find((r) => offset >= r.offset && offset < r.offset + r.length);
        if (params[name]!.shape[0]) expect(run!.decays).toBe(name.startsWith('w'));
        expect(arena.pointer(2, offset)).toBe(arena.m[name]!.byteOffset);
      }
      expect(Object.keys(arena.copy().params)).toEqual(names);
    }),
  );
});

test('a state too large for 32-bit memory is refused before anything is allocated', () => {
  expect(() => arenaLayout({ w: f32(2 ** 15, 2 ** 14) }, [], () => true)).toThrow(
    /at most 4294967296 bytes.*got 8589934592/,
  );
});
