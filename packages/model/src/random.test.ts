import { expect, it } from 'vitest';
import { createRandom } from './random.ts';

it('follows xoshiro128**', () => {
  // From the reference's recurrence, by hand: s = [1, 2, 3, 4] gives rotl(2 · 5, 7) · 9 = 11520, and then 0 as s[1] becomes 0.
  const random = createRandom([1, 2, 3, 4]);
  expect([random.uint32(), random.uint32()]).toEqual([11520, 0]);
});

it('gives the same numbers for the same seed, forever', () => {
  const numbers = (seed: string | number) => {
    const random = createRandom(seed);
    return [random.uint32(), random.uint32(), random.uniform(), random.normal(), random.integer(10)];
  };
  expect(numbers('7')).toEqual(numbers(7));
  expect(numbers('7')).not.toEqual(numbers('8'));
  expect(numbers('staged')).toMatchInlineSnapshot(`
    [
      1173050579,
      585504537,
      0.6025620611645003,
      -0.7370584033969503,
      8,
    ]
  `);
});

it('goes on from its state', () => {
  const random = createRandom('x');
  random.normal();
  const copy = createRandom(JSON.parse(JSON.stringify(random.state())));
  expect([copy.uniform(), copy.normal()]).toEqual([random.uniform(), random.normal()]);
});

it('spreads evenly', () => {
  const random = createRandom('even');
  const counts = new Array<number>(7).fill(0);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < 70_000; i++) {
    counts[random.integer(7)]!++;
    const z = random.normal();
    sum += z;
    squares += z * z;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400); // four standard deviations
  expect(Math.abs(sum / 70_000)).toBeLessThan(0.015);
  expect(squares / 70_000).toBeCloseTo(1, 1);
});

it('tells apart seeds that differ in one letter', () => {
  const first = new Set(Array.from({ length: 10_000 }, (_, i) => createRandom(`seed/${i}`).uint32()));
  expect(first.size).toBeGreaterThan(9_990);
});

it('refuses bounds that have no such integers, and states that are none', () => {
  const random = createRandom('bounds');
  for (const bound of [0, -1, 2.5, Number.NaN, 2 ** 32 + 1, undefined as never]) {
    expect(() => random.integer(bound), String(bound)).toThrow(/whole number from 1 to 2³², got/);
  }
  expect(random.integer(1)).toBe(0);
  expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
  for (const state of [null, [1, 2, 3], [0, 0, 0, 0], [1, 2, 3, Number.NaN]]) {
    expect(() => createRandom(state as never)).toThrow(/four whole numbers, not all 0/);
  }
});
