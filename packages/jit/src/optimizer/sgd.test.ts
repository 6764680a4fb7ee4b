import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SgdUpdate } from './sgd-kernel.ts';
import { createReferenceSgdKernel } from './sgd-reference.ts';
import { createSgdKernel } from './sgd-wasm.ts';
import { createMemory } from './testing/memory.ts';

const kernels = { reference: createReferenceSgdKernel, wasm: createSgdKernel };
const hyper = { lr: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0, gradientScale: 1 };

/** Parameters, gradients and momentum one after the other, at an offset that is aligned to 4 only. */
function layOut(arrays: readonly Float32Array[]) {
  const count = arrays[0]!.length;
  const memory = createMemory(4 + 12 * count + 4);
  const at = (i: number) => 4 + 4 * count * i;
  for (const [i, array] of arrays.entries()) new Float32Array(memory.buffer, at(i), count).set(array);
  const range = { params: at(0), gradients: at(1), m: at(2), count };
  return { memory, range, read: (i: number) => [...new Float32Array(memory.buffer, at(i), count)] };
}

const floats = (length: number) =>
  fc
    .array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length })
    .map((x) => Float32Array.from(x));

test('WebAssembly and TypeScript give the same bits', () =>
  fc.assert(
    fc.property(
      fc.nat(40).chain((n) => fc.tuple(floats(n), floats(n), floats(n))),
      fc.record({
        lr: fc.double({ min: 0, max: 1, noNaN: true }),
        momentum: fc.constantFrom(0, 0.5, 0.9),
        nesterov: fc.boolean(),
        weightDecay: fc.double({ min: 0, max: 1, noNaN: true }),
        gradientScale: fc.float({ min: 0, max: 1, noNaN: true }),
      }),
      (arrays, options) => {
        const [reference, wasm] = Object.values(kernels).map((create) => {
          const { memory, range, read } = layOut(arrays);
          create(memory).update({ ...range, ...options });
          return [read(0), read(1), read(2), [...new Uint8Array(memory.buffer.slice(-4))]];
        });
        expect(wasm).toEqual(reference);
      },
    ),
    { numRuns: 300 },
  ));

describe.each(Object.entries(kernels))('%s', (_, create) => {
  /** Two updates of one number that starts at 1 with a gradient of 2. */
  const twice = (options: Partial<SgdUpdate>) => {
    const { memory, range, read } = layOut([Float32Array.of(1), Float32Array.of(2), Float32Array.of(0)]);
    for (let i = 0; i < 2; i++) create(memory).update({ ...range, ...hyper, ...options });
    return read(0)[0];
  };

  test.each<[string, Partial<SgdUpdate>, number]>([
    ['plain: 1 − 0.1·2 − 0.1·2', { momentum: 0 }, 0.6],
    ['momentum: directions 2 and 2 + 0.9·2', {}, 1 - 0.1 * (2 + 3.8)],
    [
      'Nesterov: directions 2 + 0.9·2 and 2 + 0.9·3.8',
      { nesterov: true },
      1 - 0.1 * (2 + 0.9 * 2) - 0.1 * (2 + 0.9 * 3.8),
    ],
    ['decay of a tenth of lr', { momentum: 0, weightDecay: 0.1 }, (0.99 - 0.2) * 0.99 - 0.2],
    ['clipped by half', { momentum: 0, gradientScale: 0.5 }, 0.8],
  ])('%s', (_name, options, expected) => {
    expect(twice(options)).toBeCloseTo(expected, 6);
  });

  test('refuses ranges outside the memory and numbers that make no sense', () => {
    const kernel = create(createMemory(65536));
    const valid = { ...hyper, params: 0, gradients: 64, m: 128, count: 4 };
    expect(() => kernel.update({ ...valid, m: 65536 })).toThrow('expected m to be 4 float32');
    expect(() => kernel.update({ ...valid, momentum: 0, m: 65536 })).not.toThrow();
    expect(() => kernel.update({ ...valid, momentum: 1 })).toThrow('momentum below 1, got 1');
    expect(() => kernel.update({ ...valid, lr: -1 })).toThrow('expected lr ≥ 0 and finite, got -1');
    expect(() => kernel.update({ ...valid, gradientScale: Number.NaN })).toThrow('diverged');
  });
});
