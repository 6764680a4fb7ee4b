import { describe, expect, it } from 'vitest';
import { countParameters, encoderFlops } from './counts.ts';
import { encodeImages, encoderParams } from './encoder.ts';
import {
  type ConvEncoderConfig,
  type EncoderConfig,
  type EncoderHead,
  type EncoderOptions,
  encoderConfig,
  encoderHeads,
  encoderShape,
} from './encoder-config.ts';
import { encoderBatch, encoderHeadParams, encoderLoss, encoderPredictions } from './encoder-loss.ts';
import { initParameters } from './init.ts';
import { createRandom } from './random.ts';
import { relativeError } from './relative-error.ts';
import { bind, engines, zeros } from './testing/engines.ts';

const small = { kind: 'conv', imageSize: 16, channels: [6, 8, 12], patchSize: 2 } as const;
const conv = encoderConfig({ ...small, norm: 'group', groups: 2 }) as ConvEncoderConfig;
const batchConv = encoderConfig({ ...small, blocks: [1, 0, 1] }) as ConvEncoderConfig;
const vit = encoderConfig({ kind: 'vit', imageSize: 16, patchSize: 8, dim: 12, layers: 2, heads: 2 });
const bare = encoderConfig({ kind: 'patches', imageSize: 16, patchSize: 8 });
const heads: EncoderHead[] = [
  { name: 'concept', classes: 5, per: 'cell', weight: 1 },
  { name: 'background', classes: 3, per: 'image', weight: 0.5 },
];

const random = createRandom('images');
const images = (count: number) => Float32Array.from({ length: count * 16 * 16 * 3 }, () => 2 * random.uniform() - 1);
const four = images(4);

/** Features of a batch; one head of bare patches would be trained on nothing, so only its features are tested. */
async function features(config: EncoderConfig, pictures: Float32Array, open: (typeof engines)[number][1]) {
  const specs = encoderParams(config);
  const forward = await open().compileForward(
    (constants, { images_BSS3 }) => ({ features: encodeImages(config, constants, images_BSS3!) }),
    {
      constants: bind(specs, initParameters(specs, 3)),
      inputs: { images_BSS3: { shape: [pictures.length / 768, 16, 16, 3], dtype: 'float32' } },
    },
  );
  const output = (await forward.run({ images_BSS3: pictures }))['features']!;
  await forward.dispose();
  return Float32Array.from(output);
}

it('has the sizes of the quick preset', () => {
  const quick = encoderConfig({ kind: 'conv' });
  expect(encoderShape(quick)).toEqual({ cells: 16, width: 128 });
  expect(countParameters(encoderParams(quick))).toBe(
    16 * (3 * 48 + 48 * 96 + 96 * 128) + 9 * 128 * 128 + 2 * (48 + 96 + 128 + 128 + 128),
  );
  expect(encoderShape(encoderConfig({ kind: 'vit' }))).toEqual({ cells: 16, width: 128 });
  expect(encoderShape(encoderConfig({ kind: 'patches' }))).toEqual({ cells: 16, width: 768 });
  expect(encoderParams(bare)).toEqual({});
  expect(encoderConfig({ kind: 'conv', channels: [12, 20] })).toMatchObject({ groups: 4 });
});

it('counts operations', () => {
  // 16 multiply-adds for each input and output channel of every output place, 9 in the block
  const products = 16 * (16 * 16 * 3 * 48 + 8 * 8 * 48 * 96 + 4 * 4 * 96 * 128) + 9 * (4 * 4 * 128 * 128);
  expect(encoderFlops(encoderConfig({ kind: 'conv' }))).toEqual({ forward: 2 * products, total: 6 * products });
  expect(encoderFlops(bare)).toEqual({ forward: 0, total: 0 });
  const layer = 4 * (12 * 12 * 12) + 2 * 4 * 4 * 12; // four cells: weights, then scores and weighted values
  expect(encoderFlops(vit).forward).toBe(2 * (4 * 192 * 12 + 2 * layer));
});

describe.each(engines)('on %s', (_, open) => {
  it.each([
    ['conv', conv],
    ['vit', vit],
    ['patches', bare],
  ] as const)('%s gives a picture the same features alone and in company', async (_kind, config) => {
    const { cells, width } = encoderShape(config);
    const all = await features(config, four, open);
    expect(all.length).toBe(4 * cells * width);
    const second = await features(config, four.slice(768, 2 * 768), open);
    expect(relativeError(second, all.slice(cells * width, 2 * cells * width))).toBeLessThan(1e-5);
    expect(relativeError(second, all.slice(0, cells * width))).toBeGreaterThan(0.1); // and other pictures others
  });

  it('cuts patches in reading order: row, column, channel', async () => {
    const numbered = Float32Array.from({ length: 768 }, (_x, i) => i);
    const patches = await features(bare, numbered, open);
    const want: number[] = [];
    for (const [top, left] of [
      [0, 0],
      [0, 8],
      [8, 0],
      [8, 8],
    ] as const) {
      for (let y = top; y < top + 8; y++)
        for (let x = left; x < left + 8; x++) want.push(...[0, 1, 2].map((c) => (y * 16 + x) * 3 + c));
    }
    expect([...patches]).toEqual(want);
  });
});

describe.each([
  ['conv with batch norms', batchConv],
  ['conv with group norms', conv],
  ['vit', vit],
] as const)('%s', (_, config) => {
  const params = { ...encoderParams(config), ...encoderHeadParams(config, heads) };
  const start = initParameters(params, 5);
  const signature = encoderBatch(config, heads, 4);
  const { cells } = encoderShape(config);
  const batch = {
    images_BSS3: four,
    concept_BP: Int32Array.from({ length: 4 * cells }, (_x, i) => (i % 7 === 3 ? -1 : i % 5)),
    background_B: Int32Array.of(0, 2, 1, 2),
  };
  const definition = {
    params,
    variants: { train: signature },
    loss: encoderLoss(config, heads),
    optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 },
  };
  const state = () => ({ params: start, m: zeros(start), v: zeros(start), step: 0 });

  it('has the same gradients on every engine', async () => {
    const [first, ...others] = await Promise.all(
      engines.map(async ([, open]) => {
        const step = await open().compileTrainStep(definition);
        await step.setState(state());
        const result = await step.gradients('train', batch);
        await step.dispose();
        return result;
      }),
    );
    for (const other of others) {
      expect(Math.abs(other!.loss / first!.loss - 1)).toBeLessThan(1e-5);
      for (const [name, gradient] of Object.entries(first!.gradients)) {
        expect(relativeError(other!.gradients[name]!, gradient), name).toBeLessThan(2e-5);
      }
    }
  });

  it('learns its labels by heart, ignores −1, and its predictions say so', async () => {
    const engine = engines[0]![1]();
    const step = await engine.compileTrainStep(definition);
    await step.setState(state());
    const first = await step.run('train', batch, { lr: 0.02 });
    expect(first.loss).toBeCloseTo(first.metrics['concept']! + 0.5 * first.metrics['background']!, 4);
    let last = first;
    for (let i = 0; i < 120; i++) last = await step.run('train', batch, { lr: 0.02 });
    expect(last.loss).toBeLessThan(0.1 * first.loss);

    const { params: trained } = await step.getState();
    const forward = await engine.compileForward(
      (constants, { images_BSS3 }) => encoderPredictions(config, heads, constants, images_BSS3!),
      { constants: bind(params, trained), inputs: { images_BSS3: signature['images_BSS3']! } },
    );
    const { background } = await forward.run({ images_BSS3: four });
    const best = [0, 1, 2, 3].map((b) => {
      const row = [...background!.subarray(3 * b, 3 * b + 3)];
      return row.indexOf(Math.max(...row));
    });
    expect(best).toEqual([...batch.background_B]);
    await forward.dispose();
    await step.dispose();
  });
});

describe('bad configurations', () => {
  it.each<[string, object, RegExp]>([
    ['an unknown kind', { kind: 'resnet' }, /kind: expected one of "conv", "vit", "patches", got "resnet"/],
    ['a picture that cannot be halved', { kind: 'conv', imageSize: 60 }, /multiple of patchSize · 2\^2 = 16, got 60/],
    ['patches that do not fit', { kind: 'vit', patchSize: 12 }, /multiple of patchSize = 12, got 64/],
    ['no channels', { kind: 'conv', channels: [] }, /channels: expected a list of at least one width/],
    [
      'groups that do not divide',
      { kind: 'conv', channels: [24, 60], groups: 8 },
      /divisor of every width, got 8 for width 60/,
    ],
    ['blocks for other stages', { kind: 'conv', blocks: [1] }, /one number for each of the 3 stages, got \[1\]/],
    ['an odd kernel', { kind: 'conv', kernelSize: 3 }, /kernelSize: expected an even number, got 3/],
    ['an unknown norm', { kind: 'conv', norm: 'layer' }, /norm: expected one of "batch", "group", "none", got "layer"/],
    ['a field of another kind', { kind: 'conv', dim: 8 }, /unknown field "dim"/],
    ['heads that do not divide', { kind: 'vit', heads: 5 }, /expected a divisor of dim 128, got 5/],
  ])('%s', (_, bad, message) => {
    expect(() => encoderConfig(bad as EncoderOptions)).toThrow(message);
  });

  it('heads', () => {
    expect(() => encoderHeads([])).toThrow(/at least one head/);
    expect(() => encoderHeads([heads[0]!, heads[0]!])).toThrow(/"concept" twice/);
    expect(() => encoderHeads([{ ...heads[0]!, classes: 1 }])).toThrow(/classes: expected an integer ≥ 2, got 1/);
    expect(encoderHeads(heads)).toBe(heads);
  });
});
