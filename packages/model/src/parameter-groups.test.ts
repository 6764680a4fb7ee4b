import { describe, expect, it } from 'vitest';
import { initParameters } from './init.ts';
import { type PartSettings, parameterGroups } from './parameter-groups.ts';
import { createRandom } from './random.ts';
import { engines, zeros } from './testing/engines.ts';
import { vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

const config = vlmConfig({
  decoder: { dim: 16, layers: 1, heads: 2, vocabSize: 23, sequenceLength: 8 },
  projector: { kind: 'gelu-mlp' },
  encoder: { kind: 'vit', imageSize: 8, patchSize: 4, dim: 12, layers: 1, heads: 2 },
});
const specs = vlmParams(config);

it('puts every parameter into one group', () => {
  const { groups, frozen } = parameterGroups(specs, {
    encoder: { trains: false },
    projector: { decay: 'none', learningRateScale: 10 },
    decoder: { decay: 'matrices' },
  });
  expect(groups.flatMap(({ names }) => names).sort()).toEqual(Object.keys(specs).sort());
  expect(frozen).toEqual(Object.keys(specs).filter((name) => name.startsWith('encoder.')));
  const summary = groups.map(({ names, ...rest }) => ({ ...rest, some: names.at(-1) }));
  expect(summary).toEqual([
    { part: 'decoder', trains: true, learningRateScale: 1, decays: true, some: 'output.weight' },
    { part: 'decoder', trains: true, learningRateScale: 1, decays: false, some: 'norm.weight' },
    { part: 'projector', trains: true, learningRateScale: 10, decays: false, some: 'projector.2.bias' },
    { part: 'encoder', trains: false, learningRateScale: 1, decays: true, some: 'encoder.norm.weight' },
  ]);
  expect(JSON.parse(JSON.stringify(groups))).toEqual(groups);
});

describe.each(engines)('on %s', (_, open) => {
  it('a step moves what trains, at its own rate, and leaves the rest', async () => {
    const { frozen, optimizer } = parameterGroups(specs, {
      encoder: { learningRateScale: 0.5, decay: 'none' },
      projector: { trains: false },
    });
    const variants = { images: vlmBatch(config, { batch: 1, patches: 0, images: 1 }) };
    const random = createRandom('groups');
    const batch = {
      tokens_BT: Int32Array.from({ length: 8 }, () => random.integer(23)),
      targets_BT: Int32Array.from({ length: 8 }, () => random.integer(23)),
      weights_BT: new Float32Array(8).fill(1),
      slots_BT: Int32Array.of(0, 1, 2, 3, 4, 0, 0, 0),
      images_MSS3: Float32Array.from({ length: 8 * 8 * 3 }, () => random.uniform()),
    };
    const params = initParameters(specs, 1);
    const step = await open().compileTrainStep({
      params: specs,
      variants,
      loss: vlmLoss(config),
      frozen,
      optimizer: { beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0, ...optimizer },
    });
    await step.setState({ params, m: zeros(params), v: zeros(params), step: 0 });
    await step.run('images', batch, { lr: 1e-3 });
    const after = (await step.getState()).params;
    // With both betas at 0 a step is the sign of the gradient times the rate.
    const moved = (name: string) => Math.max(...after[name]!.map((x, i) => Math.abs(x - params[name]![i]!)));
    expect(moved('output.weight')).toBeCloseTo(1e-3, 6);
    expect(moved('encoder.patch.weight')).toBeCloseTo(0.5e-3, 6);
    expect(moved('projector.0.weight')).toBe(0);
    await step.dispose();
  });
});

describe('bad settings', () => {
  const cases: [string, object, RegExp][] = [
    ['an unknown part', { head: {} }, /parts: unknown field "head"/],
    [
      'a misspelt setting',
      { encoder: { train: false } },
      /parts\.encoder: unknown field "train"; did you mean "trains"/,
    ],
    ['a negative rate', { decoder: { learningRateScale: -1 } }, /learningRateScale: expected a number ≥ 0, got -1/],
    ['another rule', { decoder: { decay: 'some' } }, /decay: expected one of "all", "matrices", "none", got "some"/],
  ];
  it.each(cases)('%s', (_, parts, message) => {
    expect(() => parameterGroups(specs, parts as Record<'encoder', PartSettings>)).toThrow(message);
  });
});
