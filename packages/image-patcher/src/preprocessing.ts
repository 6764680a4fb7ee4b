import { PatcherError } from './patcher-error.ts';

export type RGB = readonly [number, number, number];

/** Mean and standard deviation per channel, of pixels in 0..1: a pixel v becomes (v/255 − mean) / std. */
export interface Normalisation {
  mean: RGB;
  std: RGB;
}

/** Normalisations by name, as the encoders were trained with. */
export const NORMALISATIONS: Readonly<Record<'imagenet' | 'siglip' | 'clip' | 'minus-one-to-one', Normalisation>> = {
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  siglip: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] },
  'minus-one-to-one': { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};

/** What is done to an image before it is cut or encoded. */
export interface Preprocessing {
  /** Side of the square result in pixels. */
  size: number;
  /** `letterbox` pads to a square, `crop` cuts the middle square, `squash` stretches. Then the result is resized (bicubic). */
  fit: 'letterbox' | 'crop' | 'squash';
  normalisation: keyof typeof NORMALISATIONS | Normalisation;
  /** Ground under transparent pixels, 0..255; white unless given. */
  background?: RGB;
}

/** Settings with everything filled in; plain data, part of an encoder's identity. */
export interface ResolvedPreprocessing {
  size: number;
  fit: Preprocessing['fit'];
  mean: RGB;
  std: RGB;
  background: RGB;
}

function fail(message: string): never {
  throw new PatcherError('invalid-argument', message);
}

const isRgb = (value: unknown, ok: (n: number) => boolean): value is RGB =>
  Array.isArray(value) && value.length === 3 && value.every((n) => typeof n === 'number' && ok(n));

/** Checks settings and fills in what is left out. @throws {PatcherError} `invalid-argument` */
export function resolvePreprocessing(options: Preprocessing): ResolvedPreprocessing {
  const { size, fit, normalisation, background = [255, 255, 255] } = options;
  if (!Number.isSafeInteger(size) || size < 1 || size > 8192)
    fail(`Expected size to be a whole number of pixels from 1 to 8192, got ${size}.`);
  if (!['letterbox', 'crop', 'squash'].includes(fit))
    fail(`Expected fit to be letterbox, crop or squash, got ${String(fit)}.`);
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
  return { size, fit, mean: [...mean], std: [...std], background: [...background] };
}
