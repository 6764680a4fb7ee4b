import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AdamWKernel } from './adamw-kernel.ts';
import { createReferenceAdamWKernel, sumOfSquares } from './adamw-reference.ts';
import { createAdamWKernel } from './adamw-wasm.ts';
import { clipCoefficient } from './clip.ts';
import { assemble, generatedFile } from './testing/assemble.ts';
import { createMemory } from './testing/memory.ts';

const kernels = { reference: createReferenceAdamWKernel, wasm: createAdamWKernel };
const hyper = { lr: 3e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, step: 1, gradientScale: 1 };

/** A memory with `arrays` laid out one after the other from a byte offset that is aligned to 4 only. */
function layOut(arrays: Float32Array[], start = 4) {
  const bytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, start);
  const memory = createMemory(bytes);
  let pointer = start;
  const pointers = arrays.map((array) => {
    new Float32Array(memory.buffer, pointer, array.length).set(array);
    pointer += array.byteLength;
    return pointer - array.byteLength;
  });
  return {
    memory,
    pointers,
    read: (i: number) => [...new Float32Array(memory.buffer, pointers[i]!, arrays[i]!.length)],
  };
}

const floats = (length: number, min = -4) =>
  fc
    .array(fc.float({ min, max: 4, noNaN: true }), { minLength: length, maxLength: length })
    .map((x) => Float32Array.from(x));

test.each(['adamw', 'sgd'] as const)('the generated module of %s is that of the source', async (name) => {
  expect(readFileSync(generatedFile(name), 'utf8')).toBe(await assemble(name));
});

test('WebAssembly and TypeScript give the same bits', () =>
  fc.assert(
    fc.property(
      fc.nat(40).chain((n) => fc.tuple(floats(n), floats(n), floats(n), floats(n, 0))),
      fc.record({ step: fc.integer({ min: 1, max: 2000 }), gradientScale: fc.float({ min: 0, max: 1, noNaN: true }) }),
      (arrays, { step, gradientScale }) => {
        const results = Object.values(kernels).map((create) => {
          const { memory, pointers, read } = layOut(arrays);
          const kernel = create(memory);
          const [params, gradients, m, v] = pointers as [number, number, number, number];
          const sum = kernel.sumOfSquares(gradients, arrays[1].length);
          kernel.update({ ...hyper, step, gradientScale, params, gradients, m, v, count: arrays[0].length });
          return [sum, read(0), read(1), read(2), read(3), memory.buffer.slice(-64)];
        });
        expect(results[1]).toEqual(results[0]);
      },
    ),
    { numRuns: 300 },
  ));

describe.each(Object.entries(kernels))('%s', (_, create) => {
  test('follows PyTorch over six clipped steps of two groups', () => {
    const { cases } = JSON.parse(readFileSync(new URL('../../fixtures/adamw.json', import.meta.url), 'utf8'));
    for (const { input, expected } of cases) {
      const { lr, beta1, beta2, epsilon, clipNorm, weightDecay } = input;
      const params: Float32Array[] = input.params.map((x: number[]) => Float32Array.from(x));
      const zeros = () => params.map((x) => new Float32Array(x.length));
      const { memory, pointers, read } = layOut([...params, ...zeros(), ...zeros(), ...zeros()]);
      const kernel: AdamWKernel = create(memory);
      const groups = params.length;
      input.gradients.forEach((gradients: number[][], index: number) => {
        gradients.forEach((gradient, i) => {
          new Float32Array(memory.buffer, pointers[groups + i], gradient.length).set(gradient);
        });
        const sums = gradients.map((gradient, i) => kernel.sumOfSquares(pointers[groups + i]!, gradient.length));
        const gradNorm = Math.sqrt(sums.reduce((a, b) => a + b));
        expect(Math.abs(gradNorm / expected.gradNorm[index] - 1)).toBeLessThan(1e-6);
        const gradientScale = clipCoefficient(gradNorm, clipNorm);
        params.forEach((param, i) => {
          const [at, gradient, m, v] = [0, 1, 2, 3].map((k) => pointers[k * groups + i]!) as [
            number,
            number,
            number,
            number,
          ];
          const common = { lr, beta1, beta2, epsilon, weightDecay: weightDecay[i], step: index + 1, gradientScale };
          kernel.update({ ...common, params: at, gradients: gradient, m, v, count: param.length });
        });
      });
      for (let i = 0; i < groups; i++) {
        for (const [k, name] of [
          [0, 'params'],
          [2, 'm'],
          [3, 'v'],
        ] as const) {
          read(k * groups + i).forEach((x, j) => {
            const wanted = expected[name][i][j];
            expect(Math.abs(x - wanted)).toBeLessThanOrEqual(1e-6 * Math.abs(wanted) + 1e-9);
          });
        }
      }
    }
  });

  test('keeps the gradients and what lies around the ranges', () => {
    const ones = new Float32Array(7).fill(1);
    const { memory, pointers, read } = layOut([ones, ones, ones, ones, ones, ones]);
    const [before, params, gradients, m, v, after] = [0, 1, 2, 3, 4, 5];
    create(memory).update({
      ...hyper,
      params: pointers[params]!,
      gradients: pointers[gradients]!,
      m: pointers[m]!,
      v: pointers[v]!,
      count: 7,
      gradientScale: 0.5,
    });
    for (const untouched of [before, gradients, after]) expect(read(untouched)).toEqual([...ones]);
    for (const touched of [params, m, v]) expect(read(touched)).not.toEqual([...ones]);
  });

  test('goes on working after the memory grew', () => {
    const { memory, pointers } = layOut([Float32Array.of(3, 4)]);
    const kernel = create(memory);
    memory.grow(2);
    expect(kernel.sumOfSquares(pointers[0]!, 2)).toBe(25);
    expect(kernel.sumOfSquares(memory.buffer.byteLength - 8, 2)).toBe(0);
  });

  test('refuses ranges outside the memory, odd offsets and hyperparameters that make no sense', () => {
    const kernel = create(createMemory(65536));
    expect(() => kernel.sumOfSquares(65528, 3)).toThrow('65536 bytes, got offset 65528');
    expect(() => kernel.sumOfSquares(2, 1)).toThrow('multiple of 4');
    const valid = { ...hyper, params: 0, gradients: 64, m: 128, v: 192, count: 4 };
    expect(() => kernel.update({ ...valid, v: 65536 })).toThrow('expected v to be 4 float32');
    expect(() => kernel.update({ ...valid, lr: Number.NaN })).toThrow('expected lr ≥ 0 and finite, got NaN');
    expect(() => kernel.update({ ...valid, beta2: 1 })).toThrow('below 1, got 0.9 and 1');
    expect(() => kernel.update({ ...valid, step: 0 })).toThrow('counted from 1, got 0');
    expect(() => kernel.update({ ...valid, gradientScale: clipCoefficient(Number.POSITIVE_INFINITY, 1) })).toThrow(
      'diverged',
    );
  });
});

test('sumOfSquares is exact where float64 is', () => {
  const values = Float32Array.from({ length: 1003 }, (_, i) => i - 500);
  expect(sumOfSquares(values)).toBe(values.reduce((sum, x) => sum + x * x, 0));
});

test('clipCoefficient scales long gradients only', () => {
  expect(clipCoefficient(0.5, 1)).toBe(1);
  expect(clipCoefficient(4, 1)).toBe(1 / (4 + 1e-6));
  expect(clipCoefficient(4, undefined)).toBe(1);
  expect(clipCoefficient(Number.NaN, undefined)).toBeNaN();
});
