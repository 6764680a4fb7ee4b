import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '@vlm/jit';
import { describe, expect, it } from 'vitest';
import { encoderMoments } from './conv-encoder.ts';
import { encodeImages, encoderParams } from './encoder.ts';
import { type ConvEncoderConfig, encoderConfig } from './encoder-config.ts';
import { foldEncoder, pooledMoments } from './fold-encoder.ts';
import { initParameters } from './init.ts';
import type { ParameterArrays, ParameterSpecs } from './parameters.ts';
import { createRandom } from './random.ts';
import { relativeError } from './relative-error.ts';
import { bind, engines } from './testing/engines.ts';

const side = 16;
const pixels = side * side * 3;
const config = encoderConfig({
  kind: 'conv',
  imageSize: side,
  patchSize: 2,
  channels: [6, 8, 12],
  blocks: [1, 0, 2],
}) as ConvEncoderConfig;
const random = createRandom('pictures');
const pictures = Float32Array.from({ length: 8 * pixels }, () => 2 * random.uniform() - 1);

/** As after training: no gain is 1 and no bias 0. */
function trained(specs: ParameterSpecs): ParameterArrays {
  const params = initParameters(specs, 7);
  for (const [name, values] of Object.entries(params)) {
    if (/norm/.test(name)) params[name] = values.map((value) => value + random.uniform() - 0.5);
  }
  return params;
}
const params = trained(encoderParams(config));

async function run(
  f: (params: NamedTensors, images: tf.Tensor) => NamedTensors,
  specs: ParameterSpecs,
  params: ParameterArrays,
  images: Float32Array,
) {
  const forward = await engines[0]![1]().compileForward((constants, { images }) => f(constants, images!), {
    constants: bind(specs, params),
    inputs: { images: { shape: [images.length / pixels, side, side, 3], dtype: 'float32' } },
  });
  const outputs = await forward.run({ images });
  await forward.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, Float32Array.from(data)]));
}
const features = async (config: ConvEncoderConfig, params: ParameterArrays, images: Float32Array) =>
  (await run((p, x) => ({ features: encodeImages(config, p, x) }), encoderParams(config), params, images))['features']!;
const moments = (images: Float32Array) =>
  run((p, x) => encoderMoments(config, p, x), encoderParams(config), params, images);

describe('a folded encoder', () => {
  it('gives what its batch norms gave', async () => {
    const folded = foldEncoder(config, params, await moments(pictures));
    expect(folded.config).toEqual({ ...config, norm: 'none' });
    const [with_, without] = [
      await features(config, params, pictures),
      await features(folded.config, folded.params, pictures),
    ];
    expect(relativeError(without, with_)).toBeLessThan(1e-5);
  });

  it('gives a picture the same features alone and in company', async () => {
    const folded = foldEncoder(config, params, await moments(pictures));
    const all = await features(folded.config, folded.params, pictures);
    const width = all.length / 8;
    for (const at of [0, 5]) {
      const alone = await features(folded.config, folded.params, pictures.slice(at * pixels, (at + 1) * pixels));
      expect(relativeError(alone, all.slice(at * width, (at + 1) * width))).toBeLessThan(1e-6);
    }
    // Unfolded, company matters: that is why encoders are folded.
    const half = await features(config, params, pictures.slice(0, 4 * pixels));
    expect(relativeError(half, (await features(config, params, pictures)).slice(0, 4 * width))).toBeGreaterThan(0.01);
  });

  it('pools what two halves measured into what the whole has, where no norm came before', async () => {
    const whole = await moments(pictures);
    const pooled = pooledMoments([
      await moments(pictures.slice(0, 4 * pixels)),
      await moments(pictures.slice(4 * pixels)),
    ]);
    expect(Object.keys(pooled).sort()).toEqual(Object.keys(whole).sort());
    for (const part of ['mean', 'variance']) {
      const name = `encoder.stages.0.norm.${part}`;
      expect(relativeError(pooled[name]!, whole[name]!), name).toBeLessThan(1e-5);
    }
  });

  it('standardises features', async () => {
    const ones = Object.fromEntries(
      Object.entries(params).map(([name, values]) => {
        if (!name.startsWith('encoder.norm.')) return [name, values];
        return [name, values.map(() => (name.endsWith('weight') ? 1 : 0))];
      }),
    );
    const folded = foldEncoder(config, ones, await moments(pictures));
    const all = await features(folded.config, folded.params, pictures);
    const rows = all.length / 12;
    for (const c of [0, 11]) {
      const column = Array.from({ length: rows }, (_, row) => all[row * 12 + c]!);
      expect(column.reduce((sum, x) => sum + x, 0) / rows).toBeCloseTo(0, 4);
      expect(column.reduce((sum, x) => sum + x * x, 0) / rows).toBeCloseTo(1, 3);
    }
  });
});

it('has the windows of a convolution', async () => {
  const plain = encoderConfig({ ...config, norm: 'none' }) as ConvEncoderConfig;
  const specs = encoderParams(plain);
  const weights = trained(specs);
  const reference = (p: NamedTensors, x: tf.Tensor) => {
    const conv = (name: string, x: tf.Tensor, stride: number) => {
      const y = tf.conv2d(x as tf.Tensor4D, p[`${name}.conv.weight`] as tf.Tensor4D, stride, 'same');
      return tf.relu(tf.add(y, p[`${name}.conv.bias`]!));
    };
    const block = (name: string, x: tf.Tensor) => tf.add(x, conv(name, x, 1));
    let h = block('encoder.stages.0.blocks.0', conv('encoder.stages.0', x, 2));
    h = conv('encoder.stages.2', conv('encoder.stages.1', h, 2), 2);
    h = block('encoder.stages.2.blocks.1', block('encoder.stages.2.blocks.0', h));
    return { features: tf.add(tf.mul(h, p['encoder.norm.weight']!), p['encoder.norm.bias']!) };
  };
  const want = (await run(reference, specs, weights, pictures))['features']!;
  expect(relativeError(await features(plain, weights, pictures), want)).toBeLessThan(1e-5);
});

it('refuses what cannot be folded', () => {
  expect(() => foldEncoder({ ...config, norm: 'group' }, params, {})).toThrow(/norm "batch", got "group"/);
  expect(() => foldEncoder(config, params, {})).toThrow(/expected "encoder\.stages\.0\.norm\.mean"/);
  expect(() => pooledMoments([])).toThrow(/at least one batch/);
});
