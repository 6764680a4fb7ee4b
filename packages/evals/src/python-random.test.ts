import { expect, it } from 'vitest';
import { PythonRandom } from './python-random.ts';

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
