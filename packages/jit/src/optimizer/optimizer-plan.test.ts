import { expect, test } from 'vitest';
import type { OptimizerOptions } from '../engine.ts';
import { momentsOf, planOptimizer } from './optimizer-plan.ts';

const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

test('parameters are grouped by decay and learning rate; those that decay most come first', () => {
  const plan = planOptimizer(
    {
      ...adamw,
      clipNorm: 1,
      decays: (name) => name.startsWith('w'),
      learningRateScale: (name) => (name === 'w2' ? 0.5 : 1),
    },
    ['b1', 'w1', 'w2', 'b2', 'w3'],
  );
  expect(plan).toEqual({
    rule: { kind: 'adamw', beta1: 0.9, beta2: 0.95, epsilon: 1e-8 },
    clipNorm: 1,
    groups: [
      { params: ['w1', 'w3'], weightDecay: 0.1, learningRateScale: 1 },
      { params: ['w2'], weightDecay: 0.1, learningRateScale: 0.5 },
      { params: ['b1', 'b2'], weightDecay: 0, learningRateScale: 1 },
    ],
  });
  expect(structuredClone(plan)).toEqual(plan);
});

test('an optimizer keeps as many numbers as its rule needs', () => {
  const moments = (options: OptimizerOptions) => momentsOf(planOptimizer(options, ['w']).rule);
  expect(moments(adamw)).toBe(2);
  expect(moments({ kind: 'sgd', weightDecay: 0, momentum: 0.9, nesterov: true })).toBe(1);
  expect(moments({ kind: 'sgd', weightDecay: 0 })).toBe(0);
});

test.each<[string, object, string]>([
  ['an unknown kind', { kind: 'lion', weightDecay: 0 }, "optimizer.kind: expected 'adamw' or 'sgd', got \"lion\""],
  ['a beta of 1', { ...adamw, beta1: 1 }, 'optimizer.beta1: expected a number in [0, 1), got 1'],
  [
    'no epsilon',
    { ...adamw, epsilon: undefined },
    'optimizer.epsilon: expected a number in [0, Infinity), got undefined',
  ],
  ['a momentum of 1', { kind: 'sgd', weightDecay: 0, momentum: 1 }, 'optimizer.momentum: expected a number in [0, 1)'],
  ['Nesterov without momentum', { kind: 'sgd', weightDecay: 0, nesterov: true }, 'expected a momentum above 0'],
  [
    'a negative scale',
    { ...adamw, learningRateScale: () => -1 },
    'optimizer.learningRateScale("w"): expected a number',
  ],
  ['a negative norm', { ...adamw, clipNorm: -1 }, 'optimizer.clipNorm'],
])('refuses %s', (_, options, message) => {
  expect(() => planOptimizer(options as OptimizerOptions, ['w'])).toThrow(message);
});
