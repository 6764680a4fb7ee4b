import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';
import { checkSampling, type SamplingOptions, sampleToken } from './sample-token.ts';

const logits = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 40 });
const settings = fc.record({
  temperature: fc.double({ min: 0.2, max: 3, noNaN: true }),
  topK: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  topP: fc.option(fc.double({ min: 0.05, max: 1, noNaN: true }), { nil: undefined }),
});
const clean = ({
  temperature,
  topK,
  topP,
}: {
  temperature: number;
  topK: number | undefined;
  topP: number | undefined;
}) => ({
  temperature,
  ...(topK === undefined ? {} : { topK }),
  ...(topP === undefined ? {} : { topP }),
});

/** The distribution by its definition: temperature, then the K best, then the smallest set that reaches P; ties by id. */
function distribution(
  values: number[],
  { temperature, topK, topP }: { temperature: number; topK?: number; topP?: number },
) {
  const weights = Array.from(Float32Array.from(values), (x) => Math.exp(x / temperature));
  const order = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b).slice(0, topK);
  const whole = order.reduce((sum, id) => sum + weights[id]!, 0);
  let reached = 0;
  const kept = order.filter((id) => {
    const isNeeded = topP === undefined || reached < topP * whole * (1 - 1e-12);
    reached += weights[id]!;
    return isNeeded;
  });
  const total = kept.reduce((sum, id) => sum + weights[id]!, 0);
  return weights.map((w, id) => (kept.includes(id) ? w / total : 0));
}

it('draws every token as often as its distribution says', () => {
  fc.assert(
    fc.property(logits, settings, (values, raw) => {
      const options = clean(raw);
      const expected = distribution(values, options);
      const counts = new Float64Array(values.length);
      const draws = 2000;
      // Equidistant numbers in place of random ones: each token's count is then right to within one or two.
      for (let i = 0; i < draws; i++) counts[sampleToken(Float32Array.from(values), options, (i + 0.5) / draws)]! += 1;
      expected.forEach((p, id) => {
        if (p === 0) expect(counts[id]).toBe(0);
        expect(Math.abs(counts[id]! - p * draws)).toBeLessThanOrEqual(2);
      });
    }),
    { seed: 1, numRuns: 60 },
  );
});

it('is greedy with one candidate, and needs no finite logits elsewhere', () => {
  const random = createRandom(1);
  for (let i = 0; i < 50; i++) {
    const values = Float32Array.from({ length: 9 }, () => random.normal());
    const best = values.indexOf(Math.max(...values));
    expect(sampleToken(values, { topK: 1 }, random.uniform())).toBe(best);
    expect(sampleToken(values, { topP: 1e-9 }, random.uniform())).toBe(best);
    expect(sampleToken(values, { temperature: 1e-4 }, random.uniform())).toBe(best);
    values.fill(Number.NEGATIVE_INFINITY, 0, best);
    expect(sampleToken(values, {}, random.uniform())).toBeGreaterThanOrEqual(best);
  }
});

describe('bad settings', () => {
  const cases: [string, object, RegExp][] = [
    ['no seed', {}, /seed: expected a string or a number, got nothing/],
    ['a temperature of 0', { seed: 1, temperature: 0 }, /temperature: expected a number > 0, got 0/],
    ['no candidates', { seed: 1, topK: 0 }, /topK: expected an integer ≥ 1, got 0/],
    ['a share above 1', { seed: 1, topP: 1.2 }, /topP: expected a number of at most 1, got 1\.2/],
    ['a misspelt field', { seed: 1, top_p: 0.9 }, /unknown field "top_p"; did you mean "topP"/],
  ];
  it.each(cases)('%s', (_, options, message) => {
    expect(() => checkSampling(options as SamplingOptions)).toThrow(message);
  });
});
