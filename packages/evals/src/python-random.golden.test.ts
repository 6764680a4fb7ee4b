import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PythonRandom, slimSubset } from './python-random.ts';
import { goldenCases } from './testing/golden.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Seeds beyond 2⁵³ lose digits in JSON.parse: read them as text. */
function bigSeeds(prefix: string): Map<string, bigint> {
  const folder = process.env['GOLDEN_DIR'] ?? fileURLToPath(new URL('../fixtures', import.meta.url));
  const seeds = new Map<string, bigint>();
  for (const name of readdirSync(folder).filter((file) => file.startsWith(prefix) && file.endsWith('.json')))
    for (const [, seed, id] of readFileSync(`${folder}/${name}`, 'utf8').matchAll(
      /"seed":\s*"?(-?\d+)"?[\s\S]*?"id":\s*"([^"]+)"/g,
    ))
      seeds.set(id!, BigInt(seed!));
  return seeds;
}

describe('PythonRandom', () => {
  const streams = bigSeeds('python_random_stream');
  interface Stream {
    getrandbits32: number[];
    random: number[];
    randint_0_9_x8_then_m5_1000_x8: number[];
    getrandbits_1_5_31_33_64_100: string[];
    uniform_m1_1: number[];
    choice_abcdefg: string;
  }
  it.each(goldenCases<{ seed: number }, Stream>('python_random_stream'))(
    '$id gives CPython’s stream',
    ({ id, expected }) => {
      const fresh = (): PythonRandom => new PythonRandom(streams.get(id!)!);
      const [bits, random, ints, wide, uniform, choice] = [fresh(), fresh(), fresh(), fresh(), fresh(), fresh()];
      expect(expected.getrandbits32.map(() => bits.uint32())).toEqual(expected.getrandbits32);
      expect(expected.random.map(() => random.random())).toEqual(expected.random);
      expect(
        expected.randint_0_9_x8_then_m5_1000_x8.map((_, i) => (i < 8 ? ints.randInt(0, 9) : ints.randInt(-5, 1000))),
      ).toEqual(expected.randint_0_9_x8_then_m5_1000_x8);
      expect([1, 5, 31, 33, 64, 100].map((k) => String(wide.getRandBits(k)))).toEqual(
        expected.getrandbits_1_5_31_33_64_100,
      );
      expect(expected.uniform_m1_1.map(() => -1 + 2 * uniform.random())).toEqual(expected.uniform_m1_1);
      expect([...expected.choice_abcdefg].map(() => 'abcdefg'[choice.below(7)]).join('')).toBe(expected.choice_abcdefg);
    },
  );

  const shuffles = bigSeeds('python_shuffle');
  it.each(
    goldenCases<{ n: number }, { first16: number[]; last4: number[]; sha256_of_comma_joined: string }>(
      'python_shuffle',
    ),
  )('$id shuffles as CPython', ({ id, input, expected }) => {
    const list = new PythonRandom(shuffles.get(id!)!).shuffle([...new Array(input.n).keys()]);
    expect(list.slice(0, 16)).toEqual(expected.first16);
    expect(list.slice(-4)).toEqual(expected.last4);
    expect(sha256(list.join(','))).toBe(expected.sha256_of_comma_joined);
  });

  it('refuses seeds and bounds that are no integers', () => {
    const random = new PythonRandom(1);
    for (const bad of [
      () => new PythonRandom(0.5),
      () => new PythonRandom(2 ** 60),
      () => random.below(0),
      () => random.getRandBits(-1),
    ])
      expect(bad).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('slimSubset', () => {
  it.each(
    goldenCases<
      { rows: Record<string, number>; slim: number | null },
      { count: number; first16: string[]; last4: string[]; sha256_of_newline_joined: string }
    >('pope_index'),
  )('$id picks POPE’s examples', ({ input, expected }) => {
    const ids = ['adversarial', 'popular', 'random'].flatMap((split) =>
      Array.from({ length: input.rows[split]! }, (_, i) => `${split}-${i + 1}`),
    );
    const chosen = slimSubset(ids, input.slim ?? undefined, (id) => id.split('-')[0]!);
    expect(chosen).toHaveLength(expected.count);
    expect(chosen.slice(0, 16)).toEqual(expected.first16);
    expect(chosen.slice(-4)).toEqual(expected.last4);
    expect(sha256(chosen.join('\n'))).toBe(expected.sha256_of_newline_joined);
  });
});
