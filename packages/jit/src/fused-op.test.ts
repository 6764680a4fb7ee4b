import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { Engine } from './engine.ts';
import { type FusedOpSpec, fusedOp } from './fused-op.ts';
import { ABSENT } from './ir/graph.ts';
import { onnxEngine } from './onnx-engine.ts';
import { worstRelativeError } from './relative-error.ts';
import { numbers } from './testing/networks.ts';
import { tfjsEngine } from './tfjs-engine.ts';
import { withTrace } from './trace/trace.ts';

/** LayerNormalization whose second output (the mean) is left out, with a bias that is left out too. */
function normalise(x: tf.Tensor, gain: tf.Tensor): [y: tf.Tensor, inverse: tf.Tensor] {
  const f32 = (shape: number[]) => ({ shape, dtype: 'float32' as const });
  const spec: FusedOpSpec = {
    op: 'LayerNormalization',
    attributes: { axis: -1, epsilon: 1 },
    outputs: [f32(x.shape), null, f32([2, 1])],
  };
  return fusedOp(spec, [x, gain, null], () => {
    const { mean, variance } = tf.moments(x, -1, true);
    const inverse = tf.rsqrt(tf.add(variance, 1));
    return [tf.mul(tf.mul(tf.sub(x, mean), inverse), gain), inverse];
  }) as [tf.Tensor, tf.Tensor];
}

const run = async (engine: Engine) => {
  const forward = await engine.compileForward(
    ({ gain }, { x }) => {
      const [y, inverse] = normalise(x!, gain!);
      return { y, inverse };
    },
    {
      constants: { gain: { spec: { shape: [4], dtype: 'float32' }, data: numbers(4, 1) } },
      inputs: { x: { shape: [2, 4], dtype: 'float32' } },
    },
  );
  const out = await forward.run({ x: numbers(8, 2) });
  await forward.dispose();
  return out;
};

test('one node when compiled, the fallback elsewhere: the same numbers', async () => {
  const compiled = await run(onnxEngine({ threads: 1 }));
  const eager = await run(tfjsEngine({ backend: 'cpu' }));
  expect(worstRelativeError(compiled['y']!, eager['y']!)).toBeLessThan(1e-6);
  expect(worstRelativeError(compiled['inverse']!, eager['inverse']!)).toBeLessThan(1e-6);
});

const node = (spec: Omit<FusedOpSpec, 'outputs'>) =>
  withTrace(({ builder, input }) => {
    const ids = input('ids', { shape: [2, 1], dtype: 'int32' });
    const made = fusedOp({ ...spec, outputs: [null, { shape: [2], dtype: 'float32' }] }, [null, ids], () => []);
    expect(made).toHaveLength(1);
    return builder.graph.nodes;
  });

test('attributes find their ONNX types', () => {
  const attributes = {
    axis: -1,
    epsilon: 1,
    rate: 0.5,
    flag: true,
    mode: 'add',
    perm: [1, 0],
    points: [0.5, 1],
    names: ['a'],
    whole: { float: 2 },
    list: { floats: [1, 2] },
  };
  const [made] = node({ op: 'Anything', domain: 'com.example', attributes });
  expect(Object.entries(made!.attributes).map(([name, { type }]) => `${name} ${type}`)).toEqual(
    'axis int,epsilon float,rate float,flag int,mode string,perm ints,points floats,names strings,whole float,list floats'.split(
      ',',
    ),
  );
  expect(made!.domain).toBe('com.example');
  expect(() => node({ op: 'Anything', attributes: { odd: { a: 1, b: 2 } } })).toThrow(
    /Anything: expected the attribute odd/,
  );
});

test('inputs and outputs may be absent, and int32 becomes int64 where asked', () => {
  const [cast, made] = node({ op: 'ScatterND', int64Inputs: [1] });
  expect(cast!.op).toBe('Cast');
  expect(made!.inputs).toEqual([ABSENT, cast!.outputs[0]]);
  expect(made!.outputs[0]).toBe(ABSENT);
});
