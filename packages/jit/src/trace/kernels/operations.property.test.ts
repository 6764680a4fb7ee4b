/**
 * Operations on random shapes (rank 0 to 6, sizes of 0 and 1 among them), dtypes and options, against the cpu backend: values, shape, dtype,
 * and the gradient, which the cpu backend computes eagerly with the same formulas.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../../gradients/registry.ts';
import { worstRelativeError } from '../../relative-error.ts';
import { LAZY_BACKEND, useLazyBackend } from '../../testing/upstream/lazy-backend.ts';

type DType = 'float32' | 'int32' | 'bool';
type Operation = (...xs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
interface Input {
  shape: number[];
  dtype: DType;
  data: number[];
}

beforeAll(() => registerGradients());

const seed = 11;
const size = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);
const shapes = (minRank = 0, maxRank = 6, min = 0) =>
  fc
    .array(fc.integer({ min, max: 4 }), { minLength: minRank, maxLength: maxRank })
    .filter((shape) => size(shape) <= 200);

const ordinary = fc.integer({ min: -300, max: 300 }).map((x) => x / 100);
const special = fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 0, 1e-30, 1e30, 1, -1);
const whole = fc.integer({ min: -7, max: 7 });
const valuesOf = (dtype: DType, withSpecial: boolean) => {
  if (dtype === 'bool') return fc.integer({ min: 0, max: 1 });
  if (dtype === 'int32') return whole;
  return withSpecial ? fc.oneof({ arbitrary: ordinary, weight: 3 }, special) : ordinary;
};
const input = (shape: number[], dtype: DType, withSpecial = false): fc.Arbitrary<Input> =>
  fc
    .array(valuesOf(dtype, withSpecial), { minLength: size(shape), maxLength: size(shape) })
    .map((data) => ({ shape, dtype, data }));
const anyInput = (dtypes: readonly DType[], withSpecial = false, shape = shapes()) =>
  fc.tuple(shape, fc.constantFrom(...dtypes)).chain(([s, dtype]) => input(s, dtype, withSpecial));

type Result = { shape: number[]; dtype: string; data: number[] };
/** What the operation gives, then its gradients; `refused` where the operation itself throws. A gradient that throws is an error. */
function compute(f: Operation, inputs: readonly Input[], differentiate: boolean): Result[] | string {
  return tf.tidy(() => {
    const xs = inputs.map(({ shape, dtype, data }) => tf.tensor(data, shape, dtype));
    const read = (y: tf.Tensor): Result => ({ shape: y.shape, dtype: y.dtype, data: Array.from(y.dataSync()) });
    let results: Result[];
    try {
      results = [f(...xs)].flat().map(read);
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
    const floats = xs.filter((x) => x.dtype === 'float32');
    if (!differentiate || !floats.length || results[0]!.dtype !== 'float32') return results;
    const value = (...replaced: tf.Tensor[]) =>
      [f(...xs.map((x) => (x.dtype === 'float32' ? replaced[floats.indexOf(x)]! : x)))].flat()[0]!;
    const { shape } = results[0]!;
    const direction = Float32Array.from({ length: size(shape) }, (_, i) => ((i * 7) % 11) / 5 - 1);
    return [...results, ...tf.grads(value)(floats, tf.tensor(direction, shape)).map(read)];
  });
}

/** Both backends give the same, or both refuse. */
async function agrees(f: Operation, inputs: readonly Input[], { differentiate = false, tolerance = 3e-6 } = {}) {
  await useLazyBackend();
  await tf.setBackend('cpu');
  const expected = compute(f, inputs, differentiate);
  await tf.setBackend(LAZY_BACKEND);
  const actual = compute(f, inputs, differentiate);
  if (typeof expected === 'string' || typeof actual === 'string') {
    expect([typeof actual, actual]).toEqual([typeof expected, expect.anything()]);
    return;
  }
  expect(actual.map(({ shape, dtype }) => [shape, dtype])).toEqual(expected.map(({ shape, dtype }) => [shape, dtype]));
  for (const [i, { data }] of expected.entries()) {
    const error = worstRelativeError(actual[i]!.data, data);
    expect(error, `output ${i}: ${actual[i]!.data} for ${data}`).toBeLessThan(tolerance);
  }
}

/** More with PROPERTY_RUNS in the environment. */
const runs = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 10), seed };
const smooth: Record<string, Operation> = {
  abs: tf.abs,
  neg: tf.neg,
  square: tf.square,
  relu: tf.relu,
  relu6: tf.relu6,
  sign: tf.sign, // biome-ignore format: a list
  exp: tf.exp,
  expm1: tf.expm1,
  log1p: tf.log1p,
  sqrt: tf.sqrt,
  rsqrt: tf.rsqrt,
  log: tf.log, // biome-ignore format: a list
  sigmoid: tf.sigmoid,
  softplus: tf.softplus,
  elu: tf.elu,
  selu: tf.selu,
  tanh: tf.tanh, // biome-ignore format: a list
  sin: tf.sin,
  cos: tf.cos,
  tan: tf.tan,
  atan: tf.atan,
  asinh: tf.asinh,
  sinh: tf.sinh,
  cosh: tf.cosh, // biome-ignore format: a list
  asin: tf.asin,
  acos: tf.acos,
  acosh: tf.acosh,
  atanh: tf.atanh,
  reciprocal: tf.reciprocal, // biome-ignore format: a list
  floor: tf.floor,
  ceil: tf.ceil,
  round: tf.round,
  step: (x) => tf.step(x!),
  logSigmoid: tf.logSigmoid, // biome-ignore format: a list
  clip: (x) => tf.clipByValue(x!, -1, 1),
  leakyRelu: (x) => tf.leakyRelu(x!, 0.3),
  isNaN: tf.isNaN,
  isInf: tf.isInf,
  isFinite: tf.isFinite, // biome-ignore format: a list
};

describe('one operand', () => {
  test.for(Object.entries(smooth))('%s', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(anyInput(['float32'], true), (x) => agrees(f, [x])),
      runs,
    );
    await fc.assert(
      fc.asyncProperty(anyInput(['float32']), (x) => agrees(f, [x], { differentiate: true, tolerance: 2e-5 })),
      { numRuns: 4, seed },
    );
  });

  test.for(
    Object.entries({
      isNaN: tf.isNaN,
      isInf: tf.isInf,
      isFinite: tf.isFinite,
      square: tf.square,
      abs: tf.abs,
      sign: tf.sign,
      relu: tf.relu,
      relu6: tf.relu6,
      step: (x) => tf.step(x!),
    } as Record<string, Operation>),
  )('%s of integers and booleans', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(anyInput(['int32', 'bool']), (x) => agrees((t) => f(t!), [x])),
      runs,
    );
  });

  test.for<DType[]>([
    ['float32', 'int32'],
    ['float32', 'bool'],
    ['int32', 'float32'],
    ['int32', 'bool'],
    ['bool', 'float32'],
    ['bool', 'int32'],
  ])('cast %s to %s, NaN and infinities too', async ([from, to]) => {
    const sane = anyInput([from!], true).filter(({ data }) =>
      data.every((x) => !(Math.abs(x) >= 1e30) || !Number.isFinite(x)),
    );
    await fc.assert(
      fc.asyncProperty(sane, (x) => agrees((t) => tf.cast(t!, to!), [x])),
      runs,
    );
  });
});

describe('two operands that broadcast', () => {
  const pair = (dtypes: readonly DType[], withSpecial: boolean) =>
    fc
      .tuple(
        shapes(0, 5, 1),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        fc.nat(5),
        fc.constantFrom(...dtypes),
        fc.constantFrom(...dtypes),
      )
      .chain(([shape, ones, drop, p, q]) => {
        const other = shape.map((dimension, i) => (ones[i] ? 1 : dimension)).slice(Math.min(drop, shape.length));
        return fc.tuple(input(shape, p, withSpecial), input(other, q, withSpecial), fc.boolean());
      })
      .map(([x, y, swapped]) => (swapped ? [y, x] : [x, y]));
  const numeric: Record<string, Operation> = {
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    maximum: tf.maximum,
    minimum: tf.minimum, // biome-ignore format: a list
    squaredDifference: tf.squaredDifference,
    equal: tf.equal,
    notEqual: tf.notEqual,
    less: tf.less,
    lessEqual: tf.lessEqual,
    greater: tf.greater,
    greaterEqual: tf.greaterEqual, // biome-ignore format: a list
  };
  test.for(Object.entries(numeric))('%s', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(pair(['float32', 'int32'], true), (xs) => agrees(f, xs)),
      runs,
    );
    await fc.assert(
      fc.asyncProperty(pair(['float32'], false), (xs) => agrees(f, xs, { differentiate: true })),
      { numRuns: 5, seed },
    );
  });
  test.for<[string, Operation]>([
    ['mul', tf.mul],
    ['maximum', tf.maximum],
    ['minimum', tf.minimum],
    ['pow', tf.pow],
    ['squaredDifference', tf.squaredDifference],
  ])('%s of booleans', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(pair(['bool'], false), (xs) => agrees(f, xs)),
      runs,
    );
  });
  test('sums and differences of booleans are whole numbers, and they are not divided', async () => {
    await useLazyBackend();
    const [p, q] = [tf.tensor1d([1, 1, 0, 0], 'bool'), tf.tensor1d([1, 0, 1, 0], 'bool')];
    for (const [y, expected] of [
      [tf.add(p, q), [2, 1, 1, 0]],
      [tf.sub(p, q), [0, 1, -1, 0]],
      [tf.addN([p, q, q]), [3, 1, 2, 0]],
      [tf.neg(p), [-1, -1, 0, 0]],
    ] as const) {
      expect([y.dtype, Array.from(y.dataSync(), (x) => x + 0)]).toEqual(['int32', expected]);
    }
    for (const f of [tf.div, tf.floorDiv, tf.mod]) {
      expect(() => f(p, q)).toThrow(expect.objectContaining({ code: 'unsupported-op' }));
    }
  });
  const nonZero = (xs: Input[]) => xs[1]!.data.every((x) => Math.abs(x) > 0.2);
  test.for<[string, Operation, DType]>([
    ['div', tf.div, 'float32'],
    ['div', tf.div, 'int32'],
    ['floorDiv', tf.floorDiv, 'int32'],
    ['mod', tf.mod, 'int32'],
    ['atan2', tf.atan2, 'float32'],
  ])('%s of %s', async ([, f, dtype]) => {
    const apart = pair([dtype], false).map((xs) =>
      xs.map((x) => ({ ...x, data: x.data.map((v) => (Math.abs(v) > 0.2 ? v : 1)) })),
    );
    await fc.assert(
      fc.asyncProperty(apart.filter(nonZero), (xs) => agrees(f, xs)),
      runs,
    );
  });
  test('logic', async () => {
    for (const f of [tf.logicalAnd, tf.logicalOr, tf.logicalXor]) {
      await fc.assert(
        fc.asyncProperty(pair(['bool'], false), (xs) => agrees(f as Operation, xs)),
        runs,
      );
    }
  });
});

describe('along axes', () => {
  const axes = (minRank: number, dtypes: readonly DType[], withSpecial = false, min = 1) =>
    shapes(minRank, 5, min).chain((shape) =>
      fc.tuple(
        fc.constantFrom(...dtypes).chain((dtype) => input(shape, dtype, withSpecial)),
        fc.subarray(shape.map((_, i) => i)),
        fc.boolean(),
        fc.nat(Math.max(0, shape.length - 1)),
        fc.boolean(),
      ),
    );
  type Reduction = (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor;
  test.for<[string, Reduction, readonly DType[], boolean]>([
    ['sum', tf.sum, ['float32', 'int32', 'bool'], false],
    ['mean', tf.mean, ['float32', 'int32'], false],
    ['max', tf.max, ['float32', 'int32', 'bool'], true],
    ['min', tf.min, ['float32', 'int32', 'bool'], true],
    ['prod', tf.prod, ['float32', 'int32'], false],
    ['all', tf.all, ['bool'], false],
    ['any', tf.any, ['bool'], false],
    ['logSumExp', tf.logSumExp, ['float32'], false],
    ['euclideanNorm', tf.euclideanNorm as Reduction, ['float32'], false],
  ])('%s', async ([name, f, dtypes, withSpecial]) => {
    const differentiate = !withSpecial && name !== 'euclideanNorm';
    await fc.assert(
      fc.asyncProperty(axes(1, dtypes, withSpecial), ([x, over, keep]) =>
        agrees((t) => f(t!, over, keep), [x], { differentiate, tolerance: 1e-5 }),
      ),
      runs,
    );
  });
  test.for<[string, (x: tf.Tensor, axis: number, flag: boolean, other: boolean) => tf.Tensor | tf.Tensor[], boolean]>([
    ['argMax', (x, axis) => tf.argMax(x, axis), false],
    ['argMin', (x, axis) => tf.argMin(x, axis), false],
    ['cumsum', (x, axis, p, q) => tf.cumsum(x, axis, p, q), false],
    ['cumprod', (x, axis, p, q) => tf.cumprod(x, axis, p, q), false],
    ['reverse', (x, axis) => tf.reverse(x, axis), true],
    ['unstack', (x, axis) => tf.unstack(x, axis), true],
    ['concat', (x, axis) => tf.concat([x, x], axis), true],
    ['stack', (x, axis) => tf.stack([x, x], axis), true],
    ['gather', (x, axis) => tf.gather(x, tf.tensor2d([0, 0, x.shape[axis]! - 1, 0], [2, 2], 'int32'), axis), true],
    ['expandDims', (x, axis) => tf.expandDims(x, axis), true],
  ])('%s', async ([, f, withSpecial]) => {
    await fc.assert(
      fc.asyncProperty(axes(1, ['float32', 'int32'], withSpecial), ([x, , p, axis, q]) =>
        agrees((t) => f(t!, axis, p, q), [x]),
      ),
      runs,
    );
  });
  test.for<[string, (x: tf.Tensor, fromEnd: number) => tf.Tensor | tf.Tensor[]]>([
    ['unstack', (x, axis) => tf.unstack(x, axis)],
    ['concat', (x, axis) => tf.concat([x, x], axis)],
    ['stack', (x, axis) => tf.stack([x, x], axis)],
    ['split', (x, axis) => tf.split(x, [0, x.shape.at(axis)!], axis).reverse()],
    ['gather', (x, axis) => tf.gather(x, tf.tensor1d([0, 0], 'int32'), axis)],
    ['expandDims', (x, axis) => tf.expandDims(x, axis)],
    ['reverse', (x, axis) => tf.reverse(x, axis)],
    ['split into one', (x, axis) => tf.split(x, 1, axis)],
  ])('%s along an axis counted from the end, gradients too', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(axes(1, ['float32']), ([x, , , axis]) =>
        agrees((t) => f(t!, axis - x.shape.length), [x], { differentiate: true }),
      ),
      runs,
    );
  });
  test('softmax and logSoftmax, gradients too', async () => {
    for (const f of [tf.softmax, tf.logSoftmax]) {
      await fc.assert(
        fc.asyncProperty(axes(1, ['float32']), ([x]) =>
          agrees((t) => f(t!), [x], { differentiate: true, tolerance: 2e-5 }),
        ),
        runs,
      );
    }
  });
  test('topk', async () => {
    await fc.assert(
      fc.asyncProperty(axes(1, ['float32', 'int32']), ([x, , , , sorted]) =>
        agrees((t) => Object.values(tf.topk(t!, 1, sorted)), [x]),
      ),
      runs,
    );
  });
});

describe('structure, with empty tensors', () => {
  const parts = shapes(1, 5).chain((shape) =>
    fc.tuple(
      fc.constantFrom<DType>('float32', 'int32', 'bool').chain((dtype) => input(shape, dtype, true)),
      fc.shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      ),
      fc.tuple(...shape.map((d) => fc.nat(d))),
      fc.tuple(...shape.map((d) => fc.nat(d))),
      fc.tuple(...shape.map(() => fc.constantFrom(-2, -1, 1, 2))),
    ),
  );
  type Part = [perm: number[], from: number[], to: number[], steps: number[]];
  test.for<[string, (x: tf.Tensor, ...options: Part) => tf.Tensor]>([
    ['transpose', (x, perm) => tf.transpose(x, perm)],
    ['slice', (x, _, p, q) => tf.slice(x, p.map((a, i) => Math.min(a, q[i]!)), p.map((a, i) => Math.abs(a - q[i]!)))], // biome-ignore format: one line
    ['stridedSlice', (x, _, p, q, steps) => tf.stridedSlice(x, p, q, steps)],
    ['pad', (x, _, p, q) => tf.pad(x, p.map((a, i): [number, number] => [a, q[i]!]))], // biome-ignore format: one line
    ['tile', (x, _, p) => tf.tile(x, p)],
    ['reshape', (x) => tf.reshape(x, [x.size])],
    ['where', (x, _, p) => tf.where(tf.fill(x.shape, p[0]! % 2, 'bool'), x, tf.zerosLike(x))],
  ])('%s', async ([, f]) => {
    await fc.assert(
      fc.asyncProperty(parts, ([x, perm, p, q, steps]) => agrees((t) => f(t!, perm, p, q, steps), [x])),
      runs,
    );
  });
});

test('strides longer than the filter, in three dimensions', async () => {
  await useLazyBackend();
  const pool = () => tf.maxPool3d(tf.ones([1, 3, 3, 3, 1]) as tf.Tensor5D, 1, 3, 'same');
  expect(pool).toThrow(/negative amounts.*stride \(3,3,3\).*tf\.maxPool3d/);
});

test('segments of whole numbers sum to float32', async () => {
  const segments = (x: tf.Tensor) => tf.unsortedSegmentSum(x, tf.tensor1d([0, 2, 0], 'int32'), 3);
  for (const dtype of ['float32', 'int32', 'bool'] as const)
    await agrees((x) => segments(x!), [{ shape: [3], dtype, data: [1, 1, 1] }]);
});

describe('products and windows, gradients too', () => {
  test('a product over nothing is zero', async () => {
    const empty = (shape: number[]): Input => ({ shape, dtype: 'float32', data: [] });
    await agrees((x, y) => tf.matMul(x!, y!), [empty([2, 0]), empty([0, 3])]);
    await agrees((x, y) => tf.matMul(x!, y!, true, true), [empty([2, 0, 2]), empty([2, 3, 0])]);
  });
  test('matMul', async () => {
    const small = fc.integer({ min: 1, max: 4 });
    const all = fc.tuple(small, small, small, fc.boolean(), fc.boolean(), fc.constantFrom([[], []], [[2], [2]], [[2], [1]], [[], [3]], [[2, 3], [1, 3]])); // biome-ignore format: one line
    const property = fc.asyncProperty(
      all.chain(([m, k, n, p, q, [left, right]]) =>
        fc.tuple(
          input([...left!, ...(p ? [k, m] : [m, k])], 'float32'),
          input([...right!, ...(q ? [n, k] : [k, n])], 'float32'),
          fc.constant([p, q] as const),
        ),
      ),
      ([x, y, [p, q]]) => agrees((a, b) => tf.matMul(a!, b!, p, q), [x, y], { differentiate: true }),
    );
    await fc.assert(property, { numRuns: 20, seed });
  });

  // In three dimensions, strides longer than the filter are refused.
  const window = fc
    .record({
      spatial: fc.array(fc.integer({ min: 3, max: 6 }), { minLength: 2, maxLength: 3 }),
      filter: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.constantFrom('same' as const, 'valid' as const),
      channels: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    })
    .map((w) => (w.spatial.length === 3 ? { ...w, stride: Math.min(w.stride, w.filter) } : w));
  type Shape = [number, number, number];
  test('convolutions', async () => {
    const property = fc.asyncProperty(
      window.chain((w) => {
        const [c, o] = w.channels;
        const filter = [...w.spatial.map(() => w.filter), c, o];
        return fc.tuple(input([2, ...w.spatial, c], 'float32'), input(filter, 'float32'), fc.constant(w));
      }),
      async ([x, filter, { spatial, stride, pad }]) => {
        const options = { differentiate: true, tolerance: 1e-5 };
        if (spatial.length === 3) {
          const strides = spatial.map(() => stride) as Shape;
          return agrees((a, b) => tf.conv3d(a as tf.Tensor5D, b as tf.Tensor5D, strides, pad), [x, filter], options);
        }
        await agrees((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad), [x, filter], options);
        await agrees(
          (a, b) => tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad),
          [x, filter],
          options,
        );
      },
    );
    await fc.assert(property, { numRuns: 12, seed });
  });

  test('pools', async () => {
    const property = fc.asyncProperty(
      window.chain((w) => fc.tuple(input([2, ...w.spatial, w.channels[0]], 'float32'), fc.constant(w))),
      async ([x, { spatial, filter, stride, pad }]) => {
        // The gradient of a mean counts padding in tfjs, and not here.
        const mean = { differentiate: pad === 'valid' };
        if (spatial.length === 3) {
          await agrees((a) => tf.maxPool3d(a as tf.Tensor5D, filter, stride, pad), [x]);
          return agrees((a) => tf.avgPool3d(a as tf.Tensor5D, filter, stride, pad), [x], mean);
        }
        await agrees((a) => tf.maxPool(a as tf.Tensor4D, filter, stride, pad), [x]);
        await agrees((a) => tf.avgPool(a as tf.Tensor4D, filter, stride, pad), [x], mean);
      },
    );
    await fc.assert(property, { numRuns: 12, seed });
  });
});
