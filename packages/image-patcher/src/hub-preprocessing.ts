// preprocessor_config.json as transformers writes it, and what its image processors do where a field is left out.
import { PatcherError } from './patcher-error.ts';
import type { ImageSize, Normalisation, Preprocessing, RGB } from './preprocessing.ts';
import type { Resample } from './resample-filters.ts';

/** Pillow's numbers for its filters. */
const PIL_FILTERS: readonly Resample[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

interface ProcessorDefaults {
  resample: number;
  /** What a bare number as `size` means. */
  bareSize: 'shortest_edge' | 'square';
  size: Json;
  crop: Json | undefined;
  normalisation: Normalisation;
}

const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const HALF: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const CLIP: Normalisation = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const SQUARE_224 = { height: 224, width: 224 };

/** Defaults of transformers' processors by the beginning of their names (`CLIPImageProcessor`, `CLIPFeatureExtractor`, `…Fast`). */
const PROCESSORS: Readonly<Record<string, ProcessorDefaults>> = {
  CLIP: { resample: 3, bareSize: 'shortest_edge', size: { shortest_edge: 224 }, crop: SQUARE_224, normalisation: CLIP },
  Siglip: { resample: 3, bareSize: 'square', size: SQUARE_224, crop: undefined, normalisation: HALF },
  Bit: { resample: 3, bareSize: 'shortest_edge', size: { shortest_edge: 224 }, crop: SQUARE_224, normalisation: CLIP },
  ViT: { resample: 2, bareSize: 'square', size: SQUARE_224, crop: undefined, normalisation: HALF },
  DINOv3ViT: { resample: 2, bareSize: 'square', size: SQUARE_224, crop: undefined, normalisation: IMAGENET },
};

type Json = Record<string, unknown>;

function fail(message: string): never {
  throw new PatcherError('encoder-mismatch', message);
}

/**
 * Settings from an encoder's own `preprocessor_config.json`: size, filter, crop, rescaling, mean and deviation. Pixels come out as those of
 * transformers' processors on Pillow.
 *
 * @throws {PatcherError} `encoder-mismatch` where the processor is unknown (SigLIP 2's NaFlex among them) or does what this package does not
 */
export function hubPreprocessing(config: unknown): Preprocessing {
  if (typeof config !== 'object' || config === null) fail('Expected preprocessor_config.json to hold an object.');
  const json = config as Json;
  const type = String(json['image_processor_type'] ?? json['feature_extractor_type'] ?? 'none');
  if (type.startsWith('Siglip2'))
    fail(
      `${type} belongs to SigLIP 2 NaFlex, which takes patches of any shape with a mask; this is not supported. Take a fixed-resolution SigLIP 2 (siglip2-base-patch16-224 and the like).`,
    );
  const known = /^(.*?)(?:ImageProcessor|FeatureExtractor)(?:Fast|Pil)?$/.exec(type)?.[1] ?? '';
  const defaults = Object.hasOwn(PROCESSORS, known) ? PROCESSORS[known] : undefined;
  if (!defaults)
    fail(
      `Expected an image processor of ${Object.keys(PROCESSORS).join(', ')}, got ${type}; use createEncoder and give the preprocessing yourself.`,
    );
  if (json['do_pad'] === true) fail(`${type}: do_pad is not supported; give the preprocessing yourself.`);
  const filter = PIL_FILTERS[Number(json['resample'] ?? defaults.resample)];
  if (!filter) fail(`${type}: expected resample from 0 to 5, got ${String(json['resample'])}.`);
  return { ...sizes(type, json, defaults), resample: filter, normalisation: normalisation(type, json, defaults) };
}

function sizes(
  type: string,
  json: Json,
  defaults: ProcessorDefaults,
): Pick<Preprocessing, 'size' | 'fit' | 'shortestEdge' | 'centring'> {
  if (json['do_resize'] === false)
    fail(`${type}: expected do_resize, got false: images of any size have no place in a batch.`);
  const size = json['size'] ?? defaults.size;
  const crops = json['do_center_crop'] ?? defaults.crop !== undefined;
  const edge =
    typeof size === 'number' && defaults.bareSize === 'shortest_edge' ? size : (size as Json)['shortest_edge'];
  if (typeof edge === 'number') {
    if (crops === false)
      fail(`${type}: expected do_center_crop with a shortest_edge, got none: images would differ in size.`);
    const crop = exactSize(type, 'crop_size', json['crop_size'] ?? defaults.crop ?? edge);
    return { size: crop, fit: 'crop', shortestEdge: edge, centring: 'transformers' };
  }
  const exact = exactSize(type, 'size', size);
  if (crops === true && json['crop_size'] !== undefined) {
    const crop = exactSize(type, 'crop_size', json['crop_size']);
    if (crop.width !== exact.width || crop.height !== exact.height)
      fail(
        `${type}: a crop of ${crop.width} × ${crop.height} after stretching to ${exact.width} × ${exact.height} is not supported.`,
      );
  }
  return { size: exact, fit: 'squash' };
}

function exactSize(type: string, name: string, value: unknown): ImageSize {
  if (typeof value === 'number') return { width: value, height: value };
  const { width, height } = (value ?? {}) as Json;
  if (typeof width === 'number' && typeof height === 'number') return { width, height };
  return fail(
    `${type}: expected ${name} as a number, { height, width } or { shortest_edge }, got ${JSON.stringify(value)}.`,
  );
}

/** (v · factor − mean) / std as (v/255 − mean′) / std′. */
function normalisation(type: string, json: Json, defaults: ProcessorDefaults): Normalisation {
  const factor = json['do_rescale'] === false ? 1 : Number(json['rescale_factor'] ?? 1 / 255);
  const normalises = json['do_normalize'] !== false;
  const mean = normalises ? (json['image_mean'] ?? defaults.normalisation.mean) : [0, 0, 0];
  const std = normalises ? (json['image_std'] ?? defaults.normalisation.std) : [1, 1, 1];
  if (!(factor > 0) || !isRgb(mean) || !isRgb(std))
    fail(
      `${type}: expected rescale_factor, image_mean and image_std as numbers, got ${factor}, ${String(mean)}, ${String(std)}.`,
    );
  // 0.00392156862745098 is how 1/255 is written: dividing by it again would only lose bits.
  const scale = Math.abs(factor * 255 - 1) < 1e-9 ? 1 : 1 / (255 * factor);
  const scaled = (values: RGB): RGB => [values[0] * scale, values[1] * scale, values[2] * scale];
  return { mean: scaled(mean), std: scaled(std) };
}

const isRgb = (value: unknown): value is RGB =>
  Array.isArray(value) && value.length === 3 && value.every((n) => typeof n === 'number' && Number.isFinite(n));
