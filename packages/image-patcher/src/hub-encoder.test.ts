import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHubEncoder } from './hub-encoder.ts';
import { hubPreprocessing } from './hub-preprocessing.ts';
import { createEncoder } from './onnx-encoder.ts';
import { findBlocks, readOnnxGraph } from './onnx-graph.ts';
import { hubFolders } from './testing/golden.ts';
import { png, rejection, rgbPattern } from './testing/pictures.ts';
import { tinyOnnx } from './testing/tiny-onnx.ts';

const folders = hubFolders();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hub-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A copy of a folder with changed fields of a JSON file. */
async function changed(name: string, file: string, fields: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(root, 'model-'));
  await cp(folders[name]!, folder, { recursive: true });
  const json = JSON.parse(await readFile(join(folder, file), 'utf8')) as object;
  await writeFile(join(folder, file), JSON.stringify({ ...json, ...fields }));
  return folder;
}

/** A folder with a configuration as bare as the hub's and a patch embedding of that side for 224 × 224 pixels. */
async function bare(config: Record<string, unknown>, processor: string, patch: number): Promise<string> {
  const folder = await mkdtemp(join(root, 'bare-'));
  await mkdir(join(folder, 'onnx'));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify({ image_processor_type: processor }));
  const weights_FCPP = new Float32Array(2 * 3 * patch * patch);
  const names = { inputName: 'pixel_values', outputName: 'last_hidden_state' };
  const model = tinyOnnx({ size: 224, patch, width: 2, weights_FCPP, batch: 'B', ...names });
  await writeFile(join(folder, 'onnx/vision_model.onnx'), model);
  return folder;
}

describe('openHubEncoder', () => {
  it('takes transformers’ defaults where a configuration is silent', async () => {
    // google/siglip-base-patch16-224 and its SigLIP 2 successor say no more than this of their image towers.
    const config = { model_type: 'siglip', vision_config: { model_type: 'siglip_vision_model' } };
    const siglip = await openHubEncoder(await bare(config, 'SiglipImageProcessor', 16));
    expect(siglip.patches).toBe(14 * 14);
    await siglip.dispose();
  });

  it.each([
    ['clip', 'CLIPImageProcessor', 32, 1],
    ['dinov2', 'BitImageProcessor', 14, 1],
    ['dinov2_with_registers', 'BitImageProcessor', 14, 5],
    ['dinov3_vit', 'DINOv3ViTImageProcessor', 16, 1],
    ['vit', 'ViTImageProcessor', 16, 1],
  ])('knows the patches and leading tokens of a bare %s', async (model_type, processor, patch, leading) => {
    // The little model has patches alone: without the leading tokens some are missing.
    const patches = (224 / patch) ** 2;
    const { message } = await rejection(openHubEncoder(await bare({ model_type }, processor, patch)));
    expect(message).toContain(
      `expected ${patches} features after ${leading} leading tokens (patches of ${patch}), the output last_hidden_state has ${patches - leading}`,
    );
  });

  it('letterboxes where asked to, with another id', async () => {
    const folder = folders['dinov2']!;
    const own = await openHubEncoder(folder, { layer: -2 });
    const boxed = await openHubEncoder(folder, { layer: -2, preprocessing: { fit: 'letterbox' } });
    expect(own.id).not.toBe(boxed.id);
    const image = await png(rgbPattern(60, 30), 60, 30);
    expect((await own.encode([image]))[0]).not.toEqual((await boxed.encode([image]))[0]);
    await Promise.all([own.dispose(), boxed.dispose()]);
  });

  it('runs only what the layer needs', async () => {
    // The first hidden state of the whole CLIP model needs neither text nor blocks: a graph without them loads.
    const encoder = await openHubEncoder(folders['clip-whole']!, { layer: 0 });
    expect(encoder.patches).toBe(16);
    await encoder.dispose();
  });

  const refused: [string, () => Promise<unknown>, RegExp][] = [
    ['an empty folder', () => openHubEncoder(root), /config\.json: expected the JSON file that the hub has/],
    [
      'an unknown kind',
      async () => openHubEncoder(await changed('siglip', 'config.json', { model_type: 'vgg' })),
      /got vgg/,
    ],
    [
      'NaFlex',
      async () => openHubEncoder(await changed('siglip', 'config.json', { model_type: 'siglip2' })),
      /NaFlex.*not supported\. Take a fixed-resolution/,
    ],
    [
      'another number of registers',
      async () =>
        openHubEncoder(await changed('dinov2-registers', 'config.json', { num_register_tokens: 3 }), { layer: -1 }),
      /expected 16 features after 4 leading tokens \(patches of 8\).*has 17/,
    ],
    [
      'no patches among the outputs',
      () => openHubEncoder(folders['clip']!),
      /last_hidden_state, the encoder has image_embeds, and layer can be 0 to 3/,
    ],
    [
      'a layer too deep',
      () => openHubEncoder(folders['clip']!, { layer: 4 }),
      /layer from -4 to 3 \(this encoder has 3 blocks\), got 4/,
    ],
    ['half a layer', () => openHubEncoder(folders['clip']!, { layer: 0.5 }), /got 0\.5/],
    [
      'a layer and an output',
      () => openHubEncoder(folders['clip']!, { layer: 1, outputName: 'image_embeds' }),
      /got both/,
    ],
    ['a file that is not there', () => openHubEncoder(folders['clip']!, { file: 'onnx/none.onnx' }), /none\.onnx/],
    [
      'text where an image is needed',
      () => openHubEncoder(folders['clip-whole']!, { outputName: 'text_embeds' }),
      /need one input called pixel_values, it needs input_ids, attention_mask/,
    ],
  ];
  it.each(refused)('refuses %s', async (_, action, message) => {
    expect((await rejection(action())).message).toMatch(message);
  });
});

describe('inner tensors', () => {
  it('can be named, and are the layer that they are', async () => {
    const path = join(folders['siglip']!, 'onnx/vision_model.onnx');
    const blocks = findBlocks(readOnnxGraph(await readFile(path)), 'pixel_values')!;
    expect(blocks.outputs).toHaveLength(3);
    const preprocessing = hubPreprocessing(
      JSON.parse(await readFile(join(folders['siglip']!, 'preprocessor_config.json'), 'utf8')),
    );
    const image = await png(rgbPattern(32, 32), 32, 32);
    const named = await createEncoder(path, { preprocessing, outputName: blocks.outputs[1]! });
    const counted = await createEncoder(path, { preprocessing, layer: -2 });
    expect(await named.encode([image])).toEqual(await counted.encode([image]));
    await Promise.all([named.dispose(), counted.dispose()]);
  });

  it('a damaged file is no crash', async () => {
    const whole = await readFile(join(folders['clip']!, 'onnx/vision_model.onnx'));
    for (const end of [0, 1, 7, 100, whole.length >> 1, whole.length - 1])
      expect(
        (
          await rejection(
            createEncoder(whole.subarray(0, end), {
              preprocessing: { size: 32, fit: 'squash', normalisation: 'clip' },
            }),
          )
        ).code,
      ).toBe('encoder-mismatch');
  });
});

describe('weights beside the model', () => {
  const path = join(import.meta.dirname, '../fixtures/external/model.onnx');
  const preprocessing = { size: 32, fit: 'squash', normalisation: 'dinov2' } as const;

  it('are read, also when the graph is cut', async () => {
    const image = await png(rgbPattern(32, 32), 32, 32);
    for (const choice of [{ layer: -2 }, { outputName: 'last_hidden_state' }]) {
      const options = { preprocessing, skipTokens: 1, ...choice };
      const outside = await createEncoder(path, options);
      const inside = await createEncoder(join(folders['dinov2']!, 'onnx/model.onnx'), options);
      expect(await outside.encode([image])).toEqual(await inside.encode([image]));
      expect(outside.id).not.toBe(inside.id);
      await Promise.all([outside.dispose(), inside.dispose()]);
    }
  });

  it('are asked for where they are missing', async () => {
    const bytes = await readFile(path);
    expect((await rejection(createEncoder(bytes, { preprocessing }))).message).toMatch(
      /in model\.onnx_data beside it: give the model's path/,
    );
    const alone = join(root, 'alone.onnx');
    await writeFile(alone, bytes);
    expect((await rejection(createEncoder(alone, { preprocessing }))).message).toMatch(
      /model\.onnx_data beside it, which cannot be read/,
    );
    const hostile = Buffer.from(bytes.toString('latin1').replaceAll('model.onnx_data', '../../etc/passw'), 'latin1');
    await writeFile(alone, hostile);
    expect((await rejection(createEncoder(alone, { preprocessing }))).message).toMatch(
      /Expected weights beside the model/,
    );
  });
});

describe('hubPreprocessing', () => {
  const siglip = { image_processor_type: 'SiglipImageProcessor' };

  it('fills in what the processor’s own defaults are', () => {
    expect(hubPreprocessing(siglip)).toEqual({
      size: { width: 224, height: 224 },
      fit: 'squash',
      resample: 'bicubic',
      normalisation: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    });
    expect(
      hubPreprocessing({ feature_extractor_type: 'CLIPFeatureExtractor', size: 336, crop_size: 336 }),
    ).toMatchObject({
      size: { width: 336, height: 336 },
      fit: 'crop',
      shortestEdge: 336,
      centring: 'transformers',
    });
    expect(hubPreprocessing({ image_processor_type: 'ViTImageProcessorFast' }).resample).toBe('bilinear');
    expect(hubPreprocessing({ ...siglip, do_normalize: false }).normalisation).toEqual({
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
    const { normalisation } = hubPreprocessing({
      ...siglip,
      rescale_factor: 1 / 127.5,
      image_mean: [1, 1, 1],
      image_std: [1, 1, 1],
    });
    expect(normalisation).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  });

  it.each<[unknown, RegExp]>([
    [null, /hold an object/],
    [{}, /got none; use createEncoder/],
    [{ image_processor_type: 'Siglip2ImageProcessor' }, /NaFlex/],
    [{ image_processor_type: 'constructor' }, /got constructor/],
    [{ ...siglip, do_pad: true }, /do_pad/],
    [{ ...siglip, do_resize: false }, /do_resize/],
    [{ ...siglip, resample: 9 }, /resample from 0 to 5, got 9/],
    [{ ...siglip, size: { longest_edge: 5 } }, /got \{"longest_edge":5\}/],
    [{ ...siglip, image_mean: 'x' }, /as numbers/],
    [{ image_processor_type: 'CLIPImageProcessor', do_center_crop: false }, /images would differ in size/],
    [{ ...siglip, do_center_crop: true, crop_size: 200 }, /200 × 200 after stretching to 224 × 224/],
  ])('refuses %j', (config, message) => {
    expect(() => hubPreprocessing(config)).toThrow(message);
  });
});
