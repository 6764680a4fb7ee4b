import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rotary, rotaryTables } from './rotary.ts';
import { checkGradients, expectClose, values } from './testing/check-gradients.ts';

/** Feature i of a head turns together with feature i + F. */
function formula(
  x: number[],
  T: number,
  heads: number,
  half: number,
  base: number,
  position: (b: number, t: number) => number,
) {
  const D = heads * 2 * half;
  return x.map((value, index) => {
    const i = (index % D) % (2 * half);
    const t = Math.floor(index / D) % T;
    const angle = position(Math.floor(index / (D * T)), t) * base ** (-(i % half) / half);
    const other = i < half ? -x[index + half]! : x[index - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const cases = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 1, max: 4 }),
    heads: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 3 }),
    offset: fc.nat(40),
  })
  .chain((s) =>
    fc.record({
      s: fc.constant(s),
      x: values([s.B, s.T, s.heads * 2 * s.half]),
      positions: fc.array(fc.nat(40), { minLength: s.B * s.T, maxLength: s.B * s.T }),
    }),
  );

test('rotary at static positions', () =>
  fc.assert(
    fc.asyncProperty(cases, ({ s, x }) =>
      checkGradients(
        [x],
        (input) => rotary(input!, { heads: s.heads, base: 10000, offset: s.offset }),
        (input) => formula(input!, s.T, s.heads, s.half, 10000, (_, t) => t + s.offset),
      ),
    ),
    { numRuns: 25 },
  ));

test('rotary at positions that come as a tensor', () =>
  fc.assert(
    fc.asyncProperty(cases, ({ s, x, positions }) =>
      checkGradients(
        [x],
        (input) =>
          rotary(input!, { heads: s.heads, base: 500, positions_BT: tf.tensor(positions, [s.B, s.T], 'int32') }),
        (input) => formula(input!, s.T, s.heads, s.half, 500, (b, t) => positions[b * s.T + t]!),
      ),
    ),
    { numRuns: 25 },
  ));

test('scores of rotated queries and keys depend on their distance alone', async () => {
  await tf.setBackend('cpu');
  const q = tf.randomNormal([1, 1, 8], 0, 1, 'float32', 1);
  const k = tf.randomNormal([1, 1, 8], 0, 1, 'float32', 2);
  const score = (a: number, b: number) =>
    tf.sum(tf.mul(rotary(q, { heads: 1, base: 100, offset: a }), rotary(k, { heads: 1, base: 100, offset: b })));
  expectClose(score(9, 4).dataSync(), score(105, 100).dataSync(), 1e-5);
});

test('rotaryTables holds float32 angles of float32 factors', () => {
  const { cos, sin } = rotaryTables([0, 3], 2, 10000);
  const angle = Math.fround(3 * Math.fround(0.01));
  expect([...cos]).toEqual([1, 1, Math.fround(Math.cos(3)), Math.fround(Math.cos(angle))]);
  expect([...sin]).toEqual([0, 0, Math.fround(Math.sin(3)), Math.fround(Math.sin(angle))]);
});

test('options that make no sense are refused', () => {
  const x = tf.zeros([1, 2, 6]);
  expect(() => rotary(x, { heads: 2, base: 10000 })).toThrow('heads × an even number, got 6 for 2 heads');
  const positions_BT = tf.zeros([1, 2], 'int32');
  expect(() => rotary(x, { heads: 1, base: 10000, offset: 0, positions_BT })).toThrow('got both');
});

test('rotary with speeds of its own', () => {
  const half = 3;
  const frequencies = Float32Array.of(1, 0.25, 0.003);
  const x = Float32Array.from({ length: 2 * 4 * 2 * half }, (_, i) => Math.sin(i + 1));
  const turned = rotary(tf.tensor(x, [1, 4, 2 * 2 * half]), { heads: 2, base: 10000, frequencies }).dataSync();
  const positions_BT = tf.tensor([0, 1, 2, 3], [1, 4], 'int32');
  const placed = rotary(tf.tensor(x, [1, 4, 2 * 2 * half]), { heads: 2, base: 10000, frequencies, positions_BT });
  x.forEach((value, index) => {
    const i = index % (2 * half);
    const angle = Math.floor(index / (4 * half)) * frequencies[i % half]!;
    const other = i < half ? -x[index + half]! : x[index - half]!;
    expectClose([turned[index]!], [value * Math.cos(angle) + other * Math.sin(angle)], 1e-6);
  });
  expectClose(placed.dataSync(), turned, 1e-6);
  expect(() => rotary(tf.zeros([1, 1, 4]), { heads: 1, base: 1, frequencies })).toThrow(/expects 2 frequencies.*got 3/);
});
