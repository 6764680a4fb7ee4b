/** What every engine must keep, whatever executes it. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, NamedArrays, TrainState, TrainStep } from '../engine.ts';
import { JitError, type JitErrorCode } from '../jit-error.ts';
import { embedding } from '../nn/embedding.ts';
import { worstRelativeError } from '../relative-error.ts';
import { tfjsEngine } from '../tfjs-engine.ts';
import { mlp, type Network, networks, numbers } from './networks.ts';

const TOLERANCE = 1e-5;

export function engineContract(open: () => Engine, { accumulates = true } = {}): void {
  describe.each(networks)('%s', (_, make) => {
    const net = make();
    const [variant] = Object.keys(net.definition.variants) as [string];
    let step: TrainStep;
    let reference: TrainStep;
    beforeAll(async () => {
      step = await open().compileTrainStep(net.definition);
      reference = await tfjsEngine({ backend: 'cpu' }).compileTrainStep(net.definition);
    });
    afterAll(() => Promise.all([step.dispose(), reference.dispose()]));

    test('loss and every gradient agree with the cpu backend', async () => {
      for (const each of [step, reference]) await each.setState(net.start());
      const batch = net.batch(variant, 7);
      const [got, expected] = [await step.gradients(variant, batch), await reference.gradients(variant, batch)];
      expect(worstRelativeError([got.loss], [expected.loss])).toBeLessThan(TOLERANCE);
      expect(Object.keys(got.gradients)).toEqual(Object.keys(expected.gradients));
      for (const [name, gradient] of Object.entries(expected.gradients)) {
        expect(
          gradient.some((x) => x !== 0),
          name,
        ).toBe(true);
        expect(worstRelativeError(got.gradients[name]!, gradient), name).toBeLessThan(TOLERANCE);
      }
    });

    test('twenty steps agree with the cpu backend', async () => {
      for (const each of [step, reference]) await each.setState(net.start());
      for (let i = 0; i < 20; i++) {
        const [got, expected] = [await train(step, net, i), await train(reference, net, i)];
        expect(worstRelativeError([got.loss, got.gradNorm], [expected.loss, expected.gradNorm])).toBeLessThan(1e-3);
        expect(Object.keys(got.metrics)).toEqual(Object.keys(expected.metrics));
        expect(worstRelativeError(Object.values(got.metrics), Object.values(expected.metrics))).toBeLessThan(1e-3);
      }
      expect((await step.getState()).step).toBe(20);
    });

    test('the same state and batches give the same bits, and a state read and set again changes nothing', async () => {
      await step.setState(net.start());
      const before: unknown[] = [];
      let middle: TrainState | undefined;
      for (let i = 0; i < 8; i++) {
        if (i === 4) middle = await step.getState();
        before.push(await train(step, net, i));
      }
      const end = await step.getState();
      await step.setState(net.start());
      for (let i = 0; i < 8; i++) {
        if (i === 4) await step.setState(middle!);
        expect(await train(step, net, i)).toEqual(before[i]);
      }
      expect(await step.getState()).toEqual(end);
    });
  });

  describe('state, variants and errors', () => {
    const net = mlp();
    let step: TrainStep;
    beforeAll(async () => {
      step = await open().compileTrainStep(net.definition);
      await step.setState(net.start());
    });
    afterAll(() => step.dispose());
    const code = async (call: Promise<unknown>): Promise<[JitErrorCode, string]> => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(JitError);
      return [(error as JitError).code, (error as JitError).message];
    };

    test('variants share one state, and what a variant does not touch has a gradient of zero', async () => {
      await step.setState(net.start());
      await step.run('wide', net.batch('wide', 1), { lr: 0.1 });
      const { w1 } = (await step.getState()).params;
      const { gradients } = await step.gradients('narrow', net.batch('narrow', 2));
      expect(gradients['w2']!.every((x) => x === 0)).toBe(true);
      expect(gradients['w1']!.some((x) => x !== 0)).toBe(true);
      await step.run('narrow', net.batch('narrow', 2), { lr: 0.1 });
      const after = await step.getState();
      expect(after.step).toBe(2);
      expect(after.params['w1']).not.toEqual(w1);
    });

    test('a frozen parameter keeps its bits and has no gradient and no moments', async () => {
      await step.setState(net.start());
      await step.run('wide', net.batch('wide', 1), { lr: 0.1 });
      const state = await step.getState();
      expect(state.params['scale']).toEqual(net.start().params['scale']);
      expect(Object.keys(state.m)).toEqual(['w1', 'b1', 'w2', 'b2']);
      const { gradients } = await step.gradients('wide', net.batch('wide', 1));
      expect(Object.keys(gradients)).toEqual(['w1', 'b1', 'w2', 'b2']);
    });

    test('momentum, Nesterov and learning rates per parameter follow the formula', async () => {
      const start = net.start();
      const other = await open().compileTrainStep({
        ...net.definition,
        optimizer: {
          kind: 'sgd',
          weightDecay: 0.1,
          decays: (name) => name === 'w1',
          momentum: 0.9,
          nesterov: true,
          learningRateScale: (name) => (name === 'w2' ? 0 : 0.5),
        },
      });
      await other.setState(start);
      const batch = net.batch('wide', 1);
      const { gradients } = await other.gradients('wide', batch);
      await other.run('wide', batch, { lr: 0.2 });
      const { params, m, v } = await other.getState();
      expect([Object.keys(m), v]).toEqual([['w1', 'b1', 'w2', 'b2'], {}]);
      expect(params['w2']).toEqual(start.params['w2']);
      const expected = start.params['w1']!.map((p, i) => p * (1 - 0.1 * 0.1) - 0.1 * 1.9 * gradients['w1']![i]!);
      expect(worstRelativeError(params['w1']!, expected)).toBeLessThan(TOLERANCE);
      await other.dispose();
    });

    test('gradients leave the state alone', async () => {
      await step.setState(net.start());
      await step.gradients('wide', net.batch('wide', 3));
      expect(await step.getState()).toEqual(net.start());
    });

    test('a gradient that is not finite is reported and updates nothing', async () => {
      await step.setState(net.start());
      const batch = net.batch('wide', 3);
      batch['y']![0] = Number.NaN;
      const result = await step.run('wide', batch, { lr: 0.1 });
      expect(result.loss).toBeNaN();
      expect(result.gradNorm).toBeNaN();
      expect(await step.getState()).toEqual(net.start());
    });

    test('states and batches are copied: what the caller does with them later does not matter', async () => {
      const state = net.start();
      await step.setState(state);
      state.params['w1']!.fill(9);
      (await step.getState()).params['w1']!.fill(9);
      expect((await step.getState()).params['w1']).toEqual(net.start().params['w1']);
    });

    test('a batch is read at the call: its arrays may be filled anew while the call waits', async () => {
      const [first, second] = [net.batch('wide', 1), net.batch('wide', 2)];
      const refill = (arrays: NamedArrays) => {
        for (const [name, values] of Object.entries(second)) arrays[name]!.set(values);
        return arrays;
      };
      const both = [first, second].map((batch) => ({ variant: 'wide', batch, weight: 1 }));
      const calls: ((batch: NamedArrays) => Promise<unknown>)[] = [
        (batch) => step.run('wide', batch, { lr: 0.1 }),
        (batch) => step.gradients('wide', batch),
      ];
      if (accumulates) calls.push((batch) => step.runAccumulated([{ ...both[0]!, batch }, both[1]!], { lr: 0.1 }));
      for (const call of calls) {
        await step.setState(net.start());
        const expected = await call(first);
        await step.setState(net.start());
        const buffers = net.batch('wide', 1);
        const [got] = [call(buffers), refill(buffers)];
        expect(await got).toEqual(expected);
      }
    });

    test('a call without its batch, state or learning rate is refused by name', async () => {
      const batch = net.batch('wide', 1);
      const lr = { lr: 0.1 };
      const without = undefined as never;
      for (const [call, expected, message] of [
        [step.run('wide', without, lr), 'invalid-batch', 'batch of variant wide: expected an object of named arrays'],
        [step.run('wide', [batch] as never, lr), 'invalid-batch', 'got an array'],
        [step.run('wide', batch, without), 'invalid-definition', 'lr'],
        [step.runAccumulated(without, lr), 'invalid-batch', 'expected an array of { variant, batch, weight }'],
        [step.runAccumulated([without], lr), 'invalid-batch', 'Micro-batch 0: expected an object'],
        [step.gradients('wide', null as never), 'invalid-batch', 'got null'],
        [step.setState(without), 'invalid-state', 'State: expected an object of named arrays, got undefined'],
      ] as const) {
        expect(await code(call)).toEqual([expected, expect.stringContaining(message)]);
      }
    });

    test('calls made at once run in order', async () => {
      await step.setState(net.start());
      const together = await Promise.all([0, 1, 2].map((i) => train(step, net, i)));
      await step.setState(net.start());
      for (const [i, result] of together.entries()) expect(await train(step, net, i)).toEqual(result);
    });

    test('wrong batches are refused with names and both shapes', async () => {
      const batch = net.batch('wide', 1);
      const run = (changed: Record<string, unknown>) => code(step.run('wide', changed as never, { lr: 0.1 }));
      const { x, y } = batch as { x: Float32Array; y: Float32Array };
      expect(await run({ x })).toEqual([
        'invalid-batch',
        expect.stringMatching(/y to be float32 \[12, 3\].*undefined/),
      ]);
      expect(await run({ x: x.slice(1), y })).toEqual([
        'invalid-batch',
        expect.stringMatching(/x to be float32 \[12, 5\] \(Float32Array of 60 numbers\), got Float32Array of 59/),
      ]);
      expect(await run({ x: Int32Array.from(x), y })).toEqual([
        'invalid-batch',
        expect.stringContaining('got Int32Array of 60'),
      ]);
      expect(await run({ x, y, z: y })).toEqual(['invalid-batch', expect.stringMatching(/z is not part.*x, y/)]);
      expect(await code(step.run('tall', batch, { lr: 0.1 }))).toEqual([
        'unknown-variant',
        expect.stringMatching(/wide, narrow, got tall/),
      ]);
      expect((await code(step.run('wide', batch, { lr: Number.NaN })))[0]).toBe('invalid-definition');
    });

    test('an index of no row is refused, and changes nothing', async () => {
      const lookUp = (table: tf.Tensor, ids: tf.Tensor) => embedding(table, tf.reshape(ids, [2, 2]));
      const looking = await open().compileTrainStep({
        params: { table: { shape: [4, 3], dtype: 'float32' } },
        variants: { rows: { ids: { shape: [4], dtype: 'int32' } } },
        loss: ({ table }, { ids }) => ({ loss: tf.mean(tf.square(lookUp(table!, ids!))) as tf.Scalar }),
        optimizer: { kind: 'sgd', weightDecay: 0 },
      });
      const forward = await open().compileForward((_, { table, ids }) => ({ rows: lookUp(table!, ids!) }), {
        constants: {},
        inputs: { table: { shape: [4, 3], dtype: 'float32' }, ids: { shape: [4], dtype: 'int32' } },
      });
      const table = numbers(12, 1);
      const start = { params: { table }, m: { table: new Float32Array(12) }, v: { table: new Float32Array(12) } };
      await looking.setState({ ...start, step: 0 });
      const good = Int32Array.of(0, 3, 1, 2);
      const refuseWrongRows = async () => {
        const { params } = await looking.getState();
        for (const wrong of [-1, 4]) {
          const ids = Int32Array.of(0, 3, wrong, 2);
          const said = new RegExp(`\\b(ids|index).* ${wrong} `);
          await expect(looking.run('rows', { ids }, { lr: 1 })).rejects.toThrow(said);
          await expect(looking.gradients('rows', { ids })).rejects.toThrow(said);
          await expect(forward.run({ table, ids })).rejects.toThrow(said);
        }
        expect((await looking.getState()).params).toEqual(params);
      };
      await refuseWrongRows(); // at the first call, which compiles
      await looking.run('rows', { ids: good }, { lr: 1 });
      expect((await forward.run({ table, ids: good }))['rows']).toHaveLength(12);
      await refuseWrongRows(); // and at those after it
      await Promise.all([looking.dispose(), forward.dispose()]);
    });

    test('wrong states are refused whole', async () => {
      await step.setState(net.start());
      const { w2: _, ...less } = net.start().params;
      expect(await code(step.setState({ ...net.start(), params: less }))).toEqual([
        'invalid-state',
        expect.stringContaining('params.w2 to be 24 float32 numbers, got nothing'),
      ]);
      const longer = { ...net.start().m, w1: new Float32Array(41) };
      expect((await code(step.setState({ ...net.start(), m: longer })))[1]).toMatch(/m\.w1 .* 40 .* 41/);
      expect((await code(step.setState({ ...net.start(), step: 1.5 })))[0]).toBe('invalid-state');
      expect(await step.getState()).toEqual(net.start());
    });

    test('definitions that do not hold together are refused', async () => {
      const compile = (changed: Partial<Network['definition']>) =>
        code(open().compileTrainStep({ ...net.definition, ...changed }));
      expect((await compile({ frozen: ['nothing'] }))[1]).toMatch(/nothing is no parameter/);
      expect((await compile({ params: { w: { shape: [-1], dtype: 'float32' } } }))[0]).toBe('invalid-definition');
      expect((await compile({ optimizer: { beta1: 1, beta2: 0.9, epsilon: 1e-8, weightDecay: 0 } }))[1]).toMatch(
        /beta1/,
      );
      const vector = await open().compileTrainStep({
        ...net.definition,
        loss: ({ w1 }) => ({ loss: tf.sum(w1!, 0) as unknown as tf.Scalar }),
      });
      await vector.setState(net.start());
      expect(await code(vector.gradients('wide', net.batch('wide', 1)))).toEqual([
        'invalid-definition',
        expect.stringMatching(/loss to be a scalar of float32, got float32 \[8\]/),
      ]);
      await vector.dispose();
    });

    test('after dispose every call is refused', async () => {
      const other = await open().compileTrainStep(net.definition);
      await other.dispose();
      await other.dispose();
      expect((await code(other.getState()))[0]).toBe('disposed');
    });
  });

  test.each(Object.entries(handedOn))('a state that is %s', async (_, next) => {
    const spec = { shape: [2], dtype: 'float32' as const };
    const forward = await open().compileForward(
      (_constants, { a, b, x }) => {
        const { a: nextA, b: nextB, out } = next({ a: a!, b: b! }, x!);
        return { nextA, nextB, out };
      },
      {
        constants: {},
        inputs: { a: spec, b: spec, x: spec },
        state: {
          a: { data: Float32Array.of(1, 2), next: 'nextA' },
          b: { data: Float32Array.of(3, 4), next: 'nextB' },
        },
      },
    );
    let [a, b] = [
      [1, 2],
      [3, 4],
    ];
    for (const step of [10, 20]) {
      const expected = tf.tidy(() => {
        const { a: nextA, b: nextB, out } = next({ a: tf.tensor1d(a!), b: tf.tensor1d(b!) }, tf.fill([2], step));
        return [nextA, nextB, out].map((tensor) => Array.from(tensor.dataSync()));
      });
      expect(await forward.run({ x: Float32Array.of(step, step) })).toEqual({ out: Float32Array.from(expected[2]!) });
      [a, b] = expected as [number[], number[]];
    }
    expect(await forward.getState()).toEqual({ a: Float32Array.from(a!), b: Float32Array.from(b!) });
    await forward.dispose();
  });

  test('forward functions: weights bound once, inputs per call, outputs of both dtypes', async () => {
    const forward = await open().compileForward(
      ({ w }, { x, ids }) => {
        const y = tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), tf.cast(tf.expandDims(ids!, 1), 'float32'));
        return { y, best: tf.argMax(y, 1), x2: tf.clone(x!), three: tf.scalar(3) };
      },
      {
        constants: { w: { spec: { shape: [3, 4], dtype: 'float32' }, data: numbers(12, 1) } },
        inputs: { x: { shape: [2, 3], dtype: 'float32' }, ids: { shape: [2], dtype: 'int32' } },
      },
    );
    for (const seed of [2, 3]) {
      const x = numbers(6, seed);
      const { y, best, x2, three } = await forward.run({ x, ids: Int32Array.of(5, 7) });
      const w = numbers(12, 1);
      const cell = (i: number, j: number) => x[3 * i]! * w[j]! + x[3 * i + 1]! * w[4 + j]! + x[3 * i + 2]! * w[8 + j]!;
      const expected = [0, 1].flatMap((i) => [0, 1, 2, 3].map((j) => cell(i, j) + (i ? 7 : 5)));
      expect(worstRelativeError(y!, expected)).toBeLessThan(TOLERANCE);
      const top = (row: number[]) => row.indexOf(Math.max(...row));
      expect(best).toEqual(Int32Array.of(top(expected.slice(0, 4)), top(expected.slice(4))));
      expect(x2).toEqual(x);
      expect(three).toEqual(Float32Array.of(3));
    }
    const x = numbers(6, 4);
    const expected = await forward.run({ x: x.slice(), ids: Int32Array.of(5, 7) });
    const [late] = [forward.run({ x, ids: Int32Array.of(5, 7) }), x.fill(9)];
    expect(await late).toEqual(expected);
    await expect(forward.run(undefined as never)).rejects.toMatchObject({ code: 'invalid-batch' });
    await expect(forward.run({ x: numbers(6, 1) })).rejects.toMatchObject({ code: 'invalid-batch' });
    await forward.dispose();
  });
}

const train = (step: TrainStep, net: Network, i: number) => {
  const variants = Object.keys(net.definition.variants);
  const variant = variants[i % variants.length]!;
  return step.run(variant, net.batch(variant, i), { lr: 0.02 });
};

/** Ways to hand a state on in which its tensors are read after they were replaced. */
const handedOn: Record<
  string,
  (state: { a: tf.Tensor; b: tf.Tensor }, x: tf.Tensor) => Record<'a' | 'b' | 'out', tf.Tensor>
> = {
  'returned as it was': ({ a, b }, x) => ({ a: tf.add(a, x), b, out: a }),
  kept: ({ a, b }, x) => ({ a, b: tf.add(b, x), out: a }),
  swapped: ({ a, b }, x) => ({ a: b, b: a, out: tf.add(a, x) }),
  doubled: ({ a }, x) => ({ a, b: a, out: x }),
};
