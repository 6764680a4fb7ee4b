/** Pictures of prompts → features, in batches of one size. Legend: M pictures, S pixels along a side, P cells, F feature width. */
import type { Forward, NamedTensors, Signature } from '@vlm/jit';
import { encodeImages } from './encoder.ts';
import { encoderShape } from './encoder-config.ts';
import { ModelError } from './model-error.ts';
import { need } from './parameters.ts';
import type { Prompt } from './prompt-batches.ts';
import type { VlmConfig } from './vlm.ts';

type OpenGraph = (
  key: string,
  fn: (constants: NamedTensors, inputs: NamedTensors) => NamedTensors,
  inputs: Signature,
) => Promise<Forward>;

/**
 * @param graph compiles, or finds, a function over the model's parameters
 * @throws ModelError INVALID_INPUT naming the prompt whose pictures cannot be read
 */
export async function encodePromptImages<P extends Prompt>(
  config: VlmConfig,
  prompts: readonly P[],
  batchSize: number,
  graph: OpenGraph,
): Promise<readonly P[]> {
  const withImages = prompts.filter(({ images }) => images !== undefined);
  if (withImages.length === 0) return prompts;
  const { encoder } = config;
  const size = encoder ? encoder.imageSize ** 2 * 3 : 0;
  for (const [index, { images, patches }] of prompts.entries()) check(index, images, patches, size);

  const pictures = withImages.flatMap(({ images }) =>
    Array.from({ length: images!.length / size }, (_, i) => images!.subarray(i * size, (i + 1) * size)),
  );
  const forward = await graph(
    'encode',
    (constants, inputs) => ({ features_BPF: encodeImages(encoder!, constants, need(inputs, 'images_MSS3')) }),
    { images_MSS3: { shape: [batchSize, encoder!.imageSize, encoder!.imageSize, 3], dtype: 'float32' } },
  );
  const { cells, width } = encoderShape(encoder!);
  const features = new Float32Array(pictures.length * cells * width);
  for (let start = 0; start < pictures.length; start += batchSize) {
    const images_MSS3 = new Float32Array(batchSize * size);
    const some = pictures.slice(start, start + batchSize);
    for (const [i, picture] of some.entries()) images_MSS3.set(picture, i * size);
    const { features_BPF } = await forward.run({ images_MSS3 });
    features.set((features_BPF as Float32Array).subarray(0, some.length * cells * width), start * cells * width);
  }
  let at = 0;
  return prompts.map((prompt) => {
    if (prompt.images === undefined) return prompt;
    const { images, ...rest } = prompt;
    const from = at;
    at += (images.length / size) * cells * width;
    return { ...rest, patches: features.subarray(from, at) } as P;
  });
}

function check(index: number, images: Float32Array | undefined, patches: Float32Array | undefined, size: number): void {
  if (images === undefined) return;
  const bad = (what: string) => new ModelError('INVALID_INPUT', `Prompt ${index}: ${what}.`);
  if (patches !== undefined) throw bad('has images and patches; give one of them');
  if (size === 0)
    throw bad('has images, but the model has no encoder: give vlmConfig one, or give features as patches');
  if (images.length === 0 || images.length % size !== 0) {
    throw bad(`expected pictures of ${size} numbers each, got ${images.length}`);
  }
}
