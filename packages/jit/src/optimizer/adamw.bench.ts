import { bench, describe } from 'vitest';
import { createReferenceAdamWKernel } from './adamw-reference.ts';
import { createAdamWKernel } from './adamw-wasm.ts';
import { createMemory } from './testing/memory.ts';

const count = 2 ** 20;
const options = {
  count,
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  step: 10,
  gradientScale: 1,
};

describe('one million parameters', () => {
  for (const [name, create] of Object.entries({ wasm: createAdamWKernel, reference: createReferenceAdamWKernel })) {
    const memory = createMemory(16 * count);
    new Float32Array(memory.buffer).forEach((_, i, all) => {
      all[i] = ((i * 2654435761) % 1000) / 1000;
    });
    const kernel = create(memory);
    bench(`${name}: update`, () => {
      kernel.update({ ...options, params: 0, gradients: 4 * count, m: 8 * count, v: 12 * count });
    });
    bench(`${name}: sumOfSquares`, () => {
      kernel.sumOfSquares(4 * count, count);
    });
  }
});
