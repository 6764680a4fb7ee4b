import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { checkParity } from './parity.ts';
import { attentionNet, mlp } from './testing/networks.ts';

test('a step that agrees', async () => {
  const net = attentionNet();
  const report = await checkParity(net.definition, net.start(), net.batch('text', 1));
  expect(report.variant).toBe('text');
  expect(Object.keys(report.gradients)).toEqual(Object.keys(net.definition.params));
  expect(report.loss.relativeError).toBeLessThan(1e-5);
  expect(report.worst!.relativeError).toBeLessThan(1e-5);
});

test('a wrong backward behind a right loss is found and named', async () => {
  const { definition, ...net } = mlp();
  let calls = 0;
  /** The identity, whose gradient is right only the first time. */
  const flawed = tf.customGrad((x) => {
    const factor = calls++ === 0 ? 1 : 1.01;
    return { value: tf.clone(x as tf.Tensor), gradFunc: (dy: tf.Tensor) => [tf.mul(dy, factor)] };
  });
  const broken: typeof definition = {
    ...definition,
    loss: (params, ...rest) => definition.loss({ ...params, b1: flawed(params['b1']!) }, ...rest),
  };
  const report = await checkParity(broken, net.start(), net.batch('wide', 1));
  expect(report.loss.relativeError).toBeLessThan(1e-6);
  expect(report.worst!.name).toBe('b1');
  expect(report.worst!.relativeError).toBeCloseTo(0.01, 3);
});
