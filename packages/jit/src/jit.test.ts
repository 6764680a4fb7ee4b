import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterEach, describe, expect, test } from 'vitest';
import { jit } from './jit.ts';
import { JitError } from './jit-error.ts';
import type { RetraceEvent } from './signature-cache.ts';

const kinds = [
  ['compiled, in a worker', { threads: 1 }],
  ['compiled, in the caller’s thread', { threads: 1, worker: false }],
  ['eager', { engine: 'tfjs' }],
] as const;
tf.env().set('PROD', true); // No greeting of tfjs on the console.
const here = { threads: 1, worker: false } as const;

const open: { dispose(): Promise<void> }[] = [];
const opened = <T extends { dispose(): Promise<void> }>(f: T): T => {
  open.push(f);
  return f;
};
afterEach(async () => {
  for (const f of open.splice(0)) await f.dispose();
});
const errorOf = async (call: Promise<unknown>): Promise<JitError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(JitError);
  return error as JitError;
};

describe.each(kinds)('%s', (kind, options) => {
  test('a function that throws once keeps its state, a number too', async () => {
    let fails = true;
    const count = opened(
      jit(
        (state: tf.Scalar, x: tf.Scalar) => {
          if (fails) throw new Error('once');
          return [tf.add(state, x) as tf.Scalar, state];
        },
        { ...options, state: 1 as unknown as tf.Scalar },
      ),
    );
    await expect(count(2)).rejects.toThrow('once');
    fails = false;
    await count(2);
    expect(await (await count(2)).data()).toEqual(Float32Array.of(3));
  });

  test('nests in, nests out, of every dtype; settings stay what they are', async () => {
    const f = opened(
      jit(
        (
          { x, rows }: { x: tf.Tensor2D; rows: [tf.Tensor1D, tf.Tensor1D] },
          scale: tf.Scalar,
          mode: 'sum' | 'mean',
          ids?: tf.Tensor1D,
        ) => {
          const y = tf.mul(tf.add(x, tf.stack(rows)), scale);
          return { y: mode === 'sum' ? tf.sum(y) : tf.mean(y), parts: [tf.greater(y, 2), ids ?? null], mode, three: 3 };
        },
        options,
      ),
    );
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const ids = tf.tensor1d([7, 8], 'int32');
    const got = await f({ x, rows: [Float32Array.of(1, 1), tf.tensor1d([0, -1])] }, 2, 'sum', ids);
    expect(await got.y.array()).toBe(2 * (2 + 3 + 3 + 3));
    expect([got.mode, got.three]).toEqual(['sum', 3]);
    const [greater, same] = got.parts as [tf.Tensor, tf.Tensor];
    expect([greater.dtype, await greater.array()]).toEqual([
      'bool',
      [
        [1, 1],
        [1, 1],
      ],
    ]);
    expect([same.dtype, await same.array()]).toEqual(['int32', [7, 8]]);
    const mean = await f({ x, rows: [tf.zeros([2]) as tf.Tensor1D, tf.zeros([2]) as tf.Tensor1D] }, 4, 'mean');
    expect(await mean.y.array()).toBe(10);
    expect(mean.parts[1]).toBeNull();
  });

  test('gradients by tf.grads, tf.valueAndGrads and tf.variableGrads', async () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]), true, `w, ${kind}`);
    try {
      const cube = (x: tf.Tensor, y: tf.Tensor) => tf.sum(tf.mul(tf.pow(x, 3), y)) as tf.Scalar;
      const f = opened(
        jit(
          (x: tf.Tensor1D, y: tf.Tensor1D) => ({
            grads: tf.grads(cube)([x, y]),
            both: tf.valueAndGrads(cube)([x, y]),
            variables: tf.variableGrads(() => cube(x, w), [w]),
          }),
          options,
        ),
      );
      const [x, y] = [tf.tensor1d([1, -1, 2]), tf.tensor1d([1, 2, 3])];
      const { grads, both, variables } = await f(x, y);
      expect(await grads[0]!.array()).toEqual([3, 6, 36]);
      expect(await both.value.array()).toBe(1 - 2 + 24);
      expect(await both.grads[1]!.array()).toEqual([1, -1, 8]);
      expect(await variables.grads[w.name]!.array()).toEqual([1, -1, 8]);
      w.assign(tf.tensor1d([0, 0, 1]));
      expect(await (await f(x, y)).variables.value.array()).toBe(8);
    } finally {
      w.dispose();
    }
  });

  test('state stays between calls, whatever the shapes of the arguments, and can be read and set', async () => {
    const f = opened(
      jit(
        ({ sum, calls }: { sum: tf.Tensor1D; calls: tf.Scalar }, x: tf.Tensor2D) => {
          const next = tf.add(sum, tf.sum(x, 0)) as tf.Tensor1D;
          return [{ sum: next, calls: tf.add(calls, 1) as tf.Scalar }, tf.sum(next)] as const;
        },
        { ...options, state: { sum: tf.tensor1d([10, 20]), calls: tf.scalar(0) } },
      ),
    );
    const read = async () => {
      const { sum, calls } = await f.getState();
      return [await sum.array(), await calls.array()];
    };
    expect(await read()).toEqual([[10, 20], 0]);
    const one = tf.tensor2d([[1, 2]]);
    const results = await Promise.all([f(one), f(one), f(tf.ones([3, 2])), f(one)]);
    expect(await Promise.all(results.map((result) => result.array()))).toEqual([33, 36, 42, 45]);
    expect(await read()).toEqual([[16, 29], 4]);
    await f.setState({ sum: Float32Array.of(0, 0), calls: 0 });
    expect(await (await f(one)).array()).toBe(3);
    expect((await errorOf(f.setState({ sum: Float32Array.of(0), calls: 0 }))).message).toMatch(
      /"sum":"float32 \[2\]".*got .*"sum":"float32 \[1\]"/,
    );
    expect(await read()).toEqual([[1, 2], 1]);
  });

  test('after dispose every call is refused; before, all finish', async () => {
    const f = jit((x: tf.Tensor1D) => tf.neg(x), options);
    const pending = f(Float32Array.of(1));
    await Promise.all([f.dispose(), f.dispose()]);
    expect(await (await pending).array()).toEqual([-1]);
    expect((await errorOf(f(Float32Array.of(1)))).code).toBe('disposed');
  });

  test('what a caller does with its tensors after the call does not matter', async () => {
    const f = opened(jit((x: tf.Tensor1D) => tf.add(x, 1), options));
    const x = tf.tensor1d([1, 2]);
    const y = f(x);
    x.dispose();
    expect(await (await y).array()).toEqual([2, 3]);
    expect((await errorOf(f(x))).message).toMatch(/args\.0 is disposed/);
  });

  test('inputs that are no data are refused by name', async () => {
    const f = opened(jit((x: unknown) => tf.add(x as tf.Tensor, 1), options));
    expect((await errorOf(f(new Map()))).message).toMatch(/args\.0 to be a tensor, number.*got Map/);
    expect((await errorOf(f({ a: [() => 1] }))).message).toMatch(/args\.0\.a\.0 .* got function/);
    expect((await errorOf(f(tf.tensor1d(['a'])))).message).toMatch(
      /args\.0 to be a tensor of float32, int32 or bool, got string/,
    );
    const g = opened(jit(async (x: tf.Tensor1D) => x, options));
    expect((await errorOf(g(Float32Array.of(1)))).message).toMatch(/must be synchronous/);
  });
});

test('a number is a scalar tensor inside: new values do not compile again, and plain arithmetic on it is refused', async () => {
  const events: RetraceEvent[] = [];
  let traces = 0;
  const f = opened(
    jit(
      (x: tf.Tensor1D, lr: number) => {
        traces++;
        return tf.mul(x, lr);
      },
      {
        ...here,
        onRetrace: (event) => events.push(event),
      },
    ),
  );
  for (const lr of [1, 2, 3]) expect(await (await f(Float32Array.of(1, 2), lr)).array()).toEqual([lr, 2 * lr]);
  expect([traces, events]).toEqual([1, []]);
  await f(Float32Array.of(1, 2, 3), 1);
  expect(events).toMatchObject([{ traces: 2, evicted: false, signature: expect.stringContaining('[3]') }]);
  const g = opened(jit((x: tf.Tensor1D, lr: number) => tf.mul(x, lr * 2), here));
  expect(await errorOf(g(Float32Array.of(1), 1))).toMatchObject({
    code: 'data-dependent',
    message: expect.stringMatching(/args\.1 is a tensor.*staticArguments/),
  });
});

test('static arguments are given as they are, and compile a graph for each value', async () => {
  let traces = 0;
  const f = opened(
    jit(
      (x: tf.Tensor1D, { times }: { times: number }) => {
        traces++;
        return tf.tile(x, [times]);
      },
      {
        ...here,
        staticArguments: [1],
      },
    ),
  );
  for (const times of [2, 3, 2]) expect((await f(Float32Array.of(1), { times })).shape).toEqual([times]);
  expect(traces).toBe(2);
  expect((await errorOf(f(Float32Array.of(1), (() => 1) as never))).message).toMatch(/argument 1 to be a JSON value/);
});

test('settings that JSON cannot tell apart are refused, instead of sharing a graph', async () => {
  const f = opened(jit((x: tf.Tensor1D, _setting: unknown) => x, { ...here, staticArguments: [1] }));
  const settings: [unknown, string][] = [
    [Number.NaN, 'NaN in argument 1'],
    [{ limit: Number.POSITIVE_INFINITY }, 'Infinity in argument 1.limit'],
    [[0, -0], '-0 in argument 1.1'],
    [{ a: [undefined] }, 'undefined in argument 1.a.0'],
    [new Map([['k', 2]]), 'Map in argument 1'],
    [{ when: new Date(0) }, 'Date in argument 1.when'],
    [{ toJSON: () => 1 }, 'function in argument 1.toJSON'],
  ];
  for (const [setting, got] of settings) {
    const error = await errorOf(f(Float32Array.of(1), setting));
    expect(error).toMatchObject({ code: 'invalid-input', message: expect.stringContaining(`got ${got},`) });
  }
  for (const fine of [undefined, null, { a: [1, 'b', null, true], b: undefined }]) await f(Float32Array.of(1), fine);
});

test('a setting changed after the call does not reach the graph', async () => {
  const f = opened(jit((x: tf.Tensor1D, { by }: { by: number }) => tf.mul(x, by), { ...here, staticArguments: [1] }));
  const setting = { by: 2 };
  const twice = f(Float32Array.of(1), setting);
  setting.by = 9;
  expect(await (await twice).array()).toEqual([2]);
});

test.each([1, 2])('the state survives the graphs dropped to make room, with %i kept', async (maxSignatures) => {
  const add = (sum: tf.Scalar, x: tf.Tensor1D) => {
    const next: tf.Scalar = tf.add(sum, tf.sum(x));
    return [next, next] as const;
  };
  const f = opened(jit(add, { ...here, maxSignatures, onRetrace: () => undefined, state: tf.scalar(0) as tf.Scalar }));
  const sums: number[] = [];
  for (const size of [1, 1, 2, 3, 3, 1]) sums.push(await (await f(new Float32Array(size).fill(1))).array());
  expect(sums).toEqual([1, 2, 4, 7, 10, 11]);
  expect(await (await f.getState()).array()).toBe(11);
});

test('compiled signatures are bounded, and a function that only ever compiles is an error', async () => {
  const call = (n: number) => new Float32Array(n).fill(1);
  const f = opened(jit((x: tf.Tensor1D) => tf.sum(x), { ...here, maxSignatures: 2 }));
  for (let n = 1; n <= 6; n++) expect(await (await f(call(n))).array()).toBe(n);
  expect(await errorOf(f(call(7)))).toMatchObject({
    code: 'retracing',
    message: expect.stringMatching(/6 different.*2 are kept/),
  });
  expect(await (await f(call(6))).array()).toBe(6);
  const evicted: boolean[] = [];
  const g = opened(
    jit((x: tf.Tensor1D) => tf.sum(x), {
      ...here,
      maxSignatures: 2,
      onRetrace: (event) => evicted.push(event.evicted),
    }),
  );
  for (let n = 1; n <= 8; n++) await g(call(n));
  expect(evicted).toEqual([false, true, true, true, true, true, true]);
  expect(() => jit((x: tf.Tensor1D) => x, { maxSignatures: 0 })).toThrow(
    /maxSignatures to be a whole number ≥ 1, got 0/,
  );
});

test('variables can neither be assigned nor made inside, and keep their values', async () => {
  const v = tf.variable(tf.scalar(5), true, 'kept');
  const assign = opened(
    jit((x: tf.Tensor1D) => {
      v.assign(tf.scalar(1));
      return x;
    }, here),
  );
  expect(await errorOf(assign(Float32Array.of(1)))).toMatchObject({
    code: 'captured-variable',
    message: expect.stringContaining('kept is assigned'),
  });
  const make = opened(jit((x: tf.Tensor1D) => tf.variable(x), here));
  expect((await errorOf(make(Float32Array.of(1)))).code).toBe('captured-variable');
  expect(await v.array()).toBe(5);
  expect(Object.keys(tf.engine().registeredVariables)).toEqual(['kept']);
  v.dispose();
});

test('a state that changes its shape, or a function that returns none, is an error', async () => {
  const grows = opened(
    jit((s: tf.Tensor1D) => [tf.concat([s, s]), s] as const, { ...here, state: tf.zeros([2]) as tf.Tensor1D }),
  );
  expect((await errorOf(grows())).message).toMatch(/structure of the old one, "float32 \[2\]", got "float32 \[4\]"/);
  const none = opened(jit(((s: tf.Tensor1D) => s) as never, { ...here, state: tf.zeros([2]) }));
  expect((await errorOf(none())).message).toMatch(/returns \[newState, result\]/);
  const stateless = opened(jit((x: tf.Tensor1D) => x, here)) as unknown as { getState(): Promise<unknown> };
  expect((await errorOf(stateless.getState())).message).toMatch(/keeps no state/);
});

test('contradictory options are refused', () => {
  expect(() => jit((x: tf.Tensor) => x, { engine: 'tfjs', threads: 2 })).toThrow(
    /device and threads with the engine 'onnx' alone/,
  );
  expect(() => jit((x: tf.Tensor) => x, { engine: 'torch' as 'tfjs' })).toThrow(/got "torch"/);
});
