import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { concatEncoders } from './concat-encoders.ts';
import { decodeImage } from './decode-image.ts';
import { type HubEncoderOptions, openHubEncoder } from './hub-encoder.ts';
import { hubPreprocessing } from './hub-preprocessing.ts';
import { fromBase64, golden, hubFolders } from './testing/golden.ts';

interface Expected {
  shape: number[];
  data: number[];
}
/** What transformers and PyTorch give for a model with random weights that was exported with `torch.onnx.export`. */
interface Model {
  /** float32 [images, H, W, 3] */
  pixel_values: string;
  /** Hidden states, embeddings included. */
  layers: number;
  minus2: Expected;
  minus1: Expected;
  first: Expected;
  last_hidden_state?: Expected;
  pooler_output?: Expected;
  image_embeds?: Expected;
}

const { images, models } = golden<{ images: string[]; models: Record<string, Model> }>('hub/expected.json');
const files = images.map(fromBase64);
const folders = hubFolders();

async function expectFeatures(name: string, options: HubEncoderOptions, expected: Expected): Promise<void> {
  const encoder = await openHubEncoder(folders[name]!, options);
  const [count, ...rest] = expected.shape;
  expect([files.length, encoder.patches, encoder.width]).toEqual([count, rest.length === 2 ? rest[0] : 1, rest.at(-1)]);
  const features = await encoder.encode(files);
  const ours = features.flatMap((each) => [...each!]);
  const scale = Math.max(...expected.data.map(Math.abs));
  ours.forEach((value, i) => {
    expect(Math.abs(value - expected.data[i]!) / scale).toBeLessThan(2e-5);
  });
  expect(ours).toHaveLength(expected.data.length);
  await encoder.dispose();
}

describe.each(Object.entries(models))('%s', (name, model) => {
  it('has its processor’s pixels', async () => {
    const config: unknown = JSON.parse(readFileSync(join(folders[name]!, 'preprocessor_config.json'), 'utf8'));
    const bytes = Buffer.from(model.pixel_values, 'base64');
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (const [i, file] of files.entries()) {
      const { pixels_HWC } = await decodeImage(file, hubPreprocessing(config));
      const expected = all.subarray(i * pixels_HWC.length, (i + 1) * pixels_HWC.length);
      pixels_HWC.forEach((value, j) => {
        expect(Math.abs(value - expected[j]!)).toBeLessThan(2e-6);
      });
    }
  });

  it.each<['first' | 'minus2' | 'minus1', number]>([
    ['minus2', -2],
    ['minus1', -1],
    ['first', 0],
    ['minus2', model.layers - 2],
  ])('has PyTorch’s %s hidden state as layer %i', (key, layer) => expectFeatures(name, { layer }, model[key]));

  it.each(['last_hidden_state', 'pooler_output', 'image_embeds'] as const)('has its output %s', async (outputName) => {
    const expected = model[outputName];
    if (expected) await expectFeatures(name, { outputName, batchSize: 2 }, expected);
    else await expect(openHubEncoder(folders[name]!, { outputName })).rejects.toThrow(/Expected an output called/);
  });
});

describe('dinosiglip', () => {
  it('lays the features of two encoders side by side', async () => {
    const [dino, siglip] = await Promise.all(
      ['dinov2', 'siglip'].map((name) => openHubEncoder(folders[name]!, { layer: -2 })),
    );
    const both = concatEncoders([dino!, siglip!]);
    expect([both.patches, both.width]).toEqual([16, 16]);
    const [features] = await both.encode(files);
    const [a] = await dino!.encode(files);
    const [b] = await siglip!.encode(files);
    for (let p = 0; p < 16; p++) {
      expect(features!.slice(p * 16, p * 16 + 8)).toEqual(a!.slice(p * 8, p * 8 + 8));
      expect(features!.slice(p * 16 + 8, p * 16 + 16)).toEqual(b!.slice(p * 8, p * 8 + 8));
    }
    const problems: number[] = [];
    const broken = await both.encode([files[0]!, Buffer.from('no image')], {
      onBroken: ({ index }) => problems.push(index!),
    });
    expect([problems, broken[1], broken[0]]).toEqual([[1], undefined, features]);
    await Promise.all([dino!.dispose(), siglip!.dispose()]);
  });

  it('refuses encoders that do not fit together', async () => {
    const whole = await openHubEncoder(folders['dinov2']!, { layer: -2 });
    expect(() => concatEncoders([whole, { ...whole, patches: 4 }])).toThrow(/as many patches, got 16, 4/);
    expect(() => concatEncoders([])).toThrow(/at least one encoder/);
    await whole.dispose();
  });
});
