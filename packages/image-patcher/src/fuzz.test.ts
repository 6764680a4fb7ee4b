import { expect, it } from 'vitest';
import { fuzzImages } from './testing/fuzz.ts';

/** `FUZZ_INPUTS=20000 npx vitest run packages/image-patcher/src/fuzz.test.ts` tries more. */
const count = Number(process.env['FUZZ_INPUTS'] ?? 1500);

it(`${count} damaged images are decoded or refused, each soon`, { timeout: 60_000 + count * 50 }, async () => {
  const result = await fuzzImages({ seed: 20, count });
  expect(result.wrong).toEqual([]);
  expect(result.tried).toBe(count);
  expect(result.slowestMs).toBeLessThan(3000);
  // The damage reaches past the first check, and not everything is refused.
  expect(result.refused['broken-image']).toBeGreaterThan(count / 10);
  expect(result.decoded).toBeGreaterThan(count / 50);
});
