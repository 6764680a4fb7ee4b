import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { agreementChecks, agreementOf, agrees } from './testing/agreement.ts';
import { fixtures } from './testing/golden.ts';

const checks = agreementChecks();

it.each(checks.map((check) => [check.metric, check] as const))('%s: as the reference code', (_, check) => {
  const { cases, mismatches } = agreementOf(check);
  expect(cases).toBeGreaterThan(0);
  expect(mismatches).toEqual([]);
});

it('every file of golden cases is compared', () => {
  const files = readdirSync(fixtures).filter((name) => name.endsWith('.json'));
  const compared = files.filter((name) => checks.some(({ file }) => name.startsWith(file)));
  expect(compared).toEqual(files);
});

it('agreement means the same values in the same places', () => {
  expect(agrees({ a: [1, Number.NaN, -0], b: 'x' }, { b: 'x', a: [1, Number.NaN, 0] }, 'exact')).toBe(true);
  expect(agrees([1, 2], [1, 2, 3], 'exact')).toBe(false);
  expect(agrees([1], { 0: 1 }, 'exact')).toBe(false);
  expect(agrees({ a: undefined }, { b: undefined }, 'exact')).toBe(false);
  expect(agrees(1, 1 + 1e-13, '1e-12')).toBe(true);
  expect(agrees(1, 1 + 1e-13, 'exact')).toBe(false);
  expect(agrees(1, 1 + 1e-11, '1e-12')).toBe(false);
  expect(agrees(null, {}, 'exact')).toBe(false);
});
