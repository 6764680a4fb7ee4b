/** Encoder, projector and decoder trained together. */
import { describe, expect, it } from 'vitest';
import { encodeImages, encoderParams } from './encoder.ts';
import { type EncoderOptions, encoderShape } from './encoder-config.ts';
import { initParameters } from './init.ts';
import { createRandom } from './random.ts';
import { relativeError } from './relative-error.ts';
import { bind, engines, zeros } from './testing/engines.ts';
import { type VlmOptions, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

const decoder = { dim: 16, layers: 2, heads: 2, vocabSize: 23, sequenceLength: 8 };
const projector = { kind: 'gelu-mlp' } as const;
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };
const encoders: EncoderOptions[] = [
  { kind: 'vit', imageSize: 8, patchSize: 4, dim: 12, layers: 1, heads: 2 },
  { kind: 'conv', imageSize: 8, channels: [6, 8], patchSize: 2, kernelSize: 2, norm: 'group' },
  { kind: 'patches', imageSize: 8, patchSize: 4 },
];

const random = createRandom('together');
const ids = () => Int32Array.from({ length: 16 }, () => random.integer(23));
const text = { tokens_BT: ids(), targets_BT: ids(), weights_BT: new Float32Array(16).fill(1) };
// Row 0 shows the first picture, row 1 the second one.
const slots_BT = Int32Array.of(0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0);
const images_MSS3 = Float32Array.from({ length: 2 * 8 * 8 * 3 }, () => 2 * random.uniform() - 1);

describe.each(engines)('on %s', (engineName, open) => {
  it.each(encoders)('%j: the loss is that of its features, and its gradients are right', async (encoder) => {
    const engine = open();
    const config = vlmConfig({ decoder, projector, encoder });
    const specs = vlmParams(config);
    const params = initParameters(specs, 2);
    expect(config.projector!.featureWidth).toBe(encoderShape(config.encoder!).width);

    const encode = await engine.compileForward(
      (constants, { images }) => ({ features: encodeImages(config.encoder!, constants, images!) }),
      {
        constants: bind(encoderParams(config.encoder!), params),
        inputs: { images: { shape: [2, 8, 8, 3], dtype: 'float32' } },
      },
    );
    const patches_NF = (await encode.run({ images: images_MSS3 }))['features'] as Float32Array;
    await encode.dispose();

    const step = await engine.compileTrainStep({
      params: specs,
      variants: {
        images: vlmBatch(config, { batch: 2, patches: 0, images: 2 }),
        patches: vlmBatch(config, { batch: 2, patches: 8 }),
      },
      loss: vlmLoss(config),
      optimizer,
    });
    const set = (values: typeof params) =>
      step.setState({ params: values, m: zeros(values), v: zeros(values), step: 0 });
    await set(params);
    const images = { ...text, slots_BT, images_MSS3 };
    const whole = await step.gradients('images', images);
    const ready = await step.gradients('patches', { ...text, slots_BT, patches_NF });
    expect(whole.loss).toBeCloseTo(ready.loss, 5);
    for (const [name, expected] of Object.entries(ready.gradients)) {
      if (name.startsWith('encoder.')) expect(Math.max(...expected.map(Math.abs)), name).toBe(0);
      else expect(relativeError(whole.gradients[name]!, expected), name).toBeLessThan(1e-4);
    }
    // The loss changes along the encoder's gradient as the gradient says.
    const direction = Object.entries(whole.gradients).filter(([name]) => name.startsWith('encoder.'));
    if (config.encoder!.kind === 'patches') expect(direction).toEqual([]);
    else {
      const square = direction.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0);
      const size = 0.02 / square; // the loss changes by about ± 0.02
      const at = async (factor: number) => {
        const moved = direction.map(
          ([name, g]) => [name, params[name]!.map((x, i) => x + factor * size * g[i]!)] as const,
        );
        await set({ ...params, ...Object.fromEntries(moved) });
        return (await step.gradients('images', images)).loss;
      };
      expect(((await at(1)) - (await at(-1))) / 0.04, engineName).toBeCloseTo(1, 1);
    }
    await step.dispose();
  });
});

describe('bad configurations', () => {
  const cases: [string, VlmOptions, RegExp][] = [
    ['an encoder that nothing reads', { decoder, encoder: encoders[0]! }, /expected a projector/],
    [
      'features that depend on the batch',
      { decoder, projector, encoder: { kind: 'conv', imageSize: 64 } },
      /encoder\.norm: expected "group" or "none", got "batch".*foldEncoder/,
    ],
    [
      'another width',
      { decoder, projector: { ...projector, featureWidth: 5 }, encoder: encoders[0]! },
      /projector\.featureWidth: expected the encoder's width 12, got 5/,
    ],
    ['no width at all', { decoder, projector }, /projector\.featureWidth: expected an integer ≥ 1, got nothing/],
  ];
  it.each(cases)('%s', (_, options, message) => {
    expect(() => vlmConfig(options)).toThrow(message);
  });

  it('batches that do not fit', () => {
    const config = vlmConfig({ decoder, projector, encoder: encoders[0]! });
    expect(() => vlmBatch(config, { batch: 1, patches: 4, images: 1 })).toThrow(/patches or images, got 4 and 1/);
    const without = vlmConfig({ decoder, projector: { ...projector, featureWidth: 5 } });
    expect(() => vlmBatch(without, { batch: 1, patches: 0, images: 1 })).toThrow(/the model has no encoder/);
  });
});
