import { expect, it } from 'vitest';
import { PythonRandom } from '../python-random.ts';
import { failures, goldenCases } from '../testing/golden.ts';
import { fewShotIndices } from './few-shot.ts';

it('draws the examples that llm-foundry draws, in its order', () => {
  const cases = goldenCases<{ size: number; shots: number; seed: number }, { indices: number[][] }>('fewshot_indices');
  expect(
    failures(
      cases,
      ({ size, shots, seed }, { expected }) => {
        const random = new PythonRandom(seed);
        return JSON.stringify(expected.indices.map((_, i) => fewShotIndices(size, shots, i, random)));
      },
      ({ indices }) => JSON.stringify(indices),
    ),
  ).toEqual([]);
});
