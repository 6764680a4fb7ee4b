import { PatcherError } from './patcher-error.ts';
import { RESAMPLES, type Resample } from './resample-filters.ts';

export type RGB = readonly [number, number, number];

/** Width and height in pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

/** Mean and standard deviation per channel, of pixels in 0..1: a pixel v becomes (v/255 − mean) / std. */
export interface Normalisation {
  mean: RGB;
  std: RGB;
}

const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const HALF: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Normalisations by name, as the encoders were trained with; `none` leaves 0..1. */
export const NORMALISATIONS: Readonly<
  Record<'imagenet' | 'dinov2' | 'siglip' | 'clip' | 'minus-one-to-one' | 'none', Normalisation>
> = {
  imagenet: IMAGENET,
  dinov2: IMAGENET,
  siglip: HALF,
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] },
  'minus-one-to-one': HALF,
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/** What is done to an image before it is cut or encoded. */
export interface Preprocessing {
  /** The result in pixels: the side of a square, or width and height. */
  size: number | ImageSize;
  /**
   * `letterbox` pads to the shape of the result and resizes; `crop` resizes until the image covers the result and cuts the middle;
   * `squash` stretches.
   */
  fit: 'letterbox' | 'crop' | 'squash';
  /** Length in pixels that the shorter side is resized to before the middle is cut (DINOv2: 256 for 224); at least the sides of `size`. */
  shortestEdge?: number;
  /** `bicubic` unless given. */
  resample?: Resample;
  /** Who rounds when the middle lies between two pixels: `torchvision` (as prismatic; unless given) to even, `transformers` down. */
  centring?: 'torchvision' | 'transformers';
  normalisation: keyof typeof NORMALISATIONS | Normalisation;
  /** Ground under transparent pixels, 0..255; white unless given. */
  background?: RGB;
}

/** Settings with everything filled in; plain data, part of an encoder's identity. */
export interface ResolvedPreprocessing extends ImageSize {
  fit: Preprocessing['fit'];
  shortestEdge: number | null;
  resample: Resample;
  centring: 'torchvision' | 'transformers';
  mean: RGB;
  std: RGB;
  background: RGB;
}

const MAX_SIDE = 8192;

function fail(message: string): never {
  throw new PatcherError('invalid-argument', message);
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) fail(`Expected ${name} to be one of ${allowed.join(', ')}, got ${String(value)}.`);
  return value as T;
}

const isRgb = (value: unknown, ok: (n: number) => boolean): value is RGB =>
  Array.isArray(value) && value.length === 3 && value.every((n) => typeof n === 'number' && ok(n));

const isSide = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SIDE;

/** A side or a size as a size. @throws {PatcherError} `invalid-argument` */
export function resolveSize(size: number | ImageSize): ImageSize {
  const { width, height } = typeof size === 'object' && size !== null ? size : { width: size, height: size };
  for (const side of [width, height])
    if (!isSide(side)) fail(`Expected size in whole pixels from 1 to ${MAX_SIDE}, got ${String(side)}.`);
  return { width, height };
}

/** Checks settings and fills in what is left out. @throws {PatcherError} `invalid-argument` */
export function resolvePreprocessing(options: Preprocessing): ResolvedPreprocessing {
  const { size, normalisation, shortestEdge = null, background = [255, 255, 255] } = options;
  const { width, height } = resolveSize(size);
  const fit = oneOf('fit', options.fit, ['letterbox', 'crop', 'squash']);
  const resample = oneOf('resample', options.resample ?? 'bicubic', RESAMPLES);
  const centring = oneOf('centring', options.centring ?? 'torchvision', ['torchvision', 'transformers']);
  if (shortestEdge !== null && (fit === 'squash' || !isSide(shortestEdge) || shortestEdge < Math.max(width, height)))
    fail(
      `Expected shortestEdge with fit crop or letterbox, in whole pixels from ${Math.max(width, height)} (size) to ${MAX_SIDE}, got ${String(shortestEdge)} with ${fit}.`,
    );
  const found =
    typeof normalisation === 'string'
      ? Object.hasOwn(NORMALISATIONS, normalisation) && NORMALISATIONS[normalisation]
      : normalisation;
  if (!found)
    fail(
      `Unknown normalisation ${String(normalisation)}: expected ${Object.keys(NORMALISATIONS).join(', ')} or { mean, std }.`,
    );
  const { mean, std } = found;
  if (!isRgb(mean, (n) => n >= 0 && n <= 1)) fail(`Expected mean to be three numbers in 0..1, got ${String(mean)}.`);
  if (!isRgb(std, (n) => n > 0 && Number.isFinite(n)))
    fail(`Expected std to be three positive numbers, got ${String(std)}.`);
  if (!isRgb(background, (n) => Number.isInteger(n) && n >= 0 && n <= 255))
    fail(`Expected background to be three whole numbers in 0..255, got ${String(background)}.`);
  return {
    width,
    height,
    fit,
    shortestEdge,
    resample,
    centring,
    mean: [...mean],
    std: [...std],
    background: [...background],
  };
}
