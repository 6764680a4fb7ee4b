import { bench, describe } from 'vitest';
import { createMixture, type MixtureSource } from './index.ts';

/** A source that costs nothing to read, so that what is measured is the mixture. */
function endless(name: string, weight: number): MixtureSource<number> {
  return {
    name,
    weight,
    open: () => {
      let n = 0;
      return { next: async () => ({ done: false, value: n++ }), state: () => ({ n }) };
    },
    cost: (n) => 1 + (n % 97),
    whenExhausted: 'repeat',
  };
}

describe('10,000 items', () => {
  for (const count of [2, 10, 100]) {
    const sources = Array.from({ length: count }, (_, i) => endless(`s${i}`, i + 1));
    for (const policy of ['exact', { kind: 'random', seed: 1 }] as const) {
      bench(`${count} sources, ${policy === 'exact' ? 'exact' : 'random'}`, async () => {
        const mixture = createMixture({ sources, policy });
        for (let i = 0; i < 10_000; i++) await mixture.next();
      });
    }
  }
});
