// Legend: H W height and width of the result, C = 3 channels.
import sharp from 'sharp';
import { planGeometry } from './geometry.ts';
import { imageFormat } from './image-format.ts';
import { letterboxFill } from './letterbox.ts';
import { PatcherError } from './patcher-error.ts';
import { normaliseRun } from './patchify.ts';
import { decodePlainPng } from './plain-png.ts';
import {
  type ImageSize,
  type Preprocessing,
  type ResolvedPreprocessing,
  resolvePreprocessing,
} from './preprocessing.ts';
import { type RgbImage, resampleRgb } from './resample.ts';

/** Guards against hostile or mistaken files. */
export interface DecodeLimits {
  /** Most pixels of an encoded image, width × height, a whole number; 64 megapixels unless given (a decompression bomb declares more). */
  maxPixels?: number;
  /** Most encoded bytes, at least 1; 64 MiB unless given. */
  maxBytes?: number;
  /** Most seconds of decoding, from above 0 to 3600; 30 unless given. Parts of a second are rounded up. */
  timeoutSeconds?: number;
}

/** Fills in limits. A bad one is the caller's fault: no image may be blamed and skipped for it. @throws {PatcherError} `invalid-argument` */
export function resolveLimits(limits: DecodeLimits): Required<DecodeLimits> {
  const { maxPixels = 64_000_000, maxBytes = 64 * 1024 * 1024, timeoutSeconds = 30 } = limits;
  const refuse = (expected: string, got: unknown): never => {
    throw new PatcherError('invalid-argument', `Expected ${expected}, got ${String(got)}.`);
  };
  if (!Number.isSafeInteger(maxPixels) || maxPixels < 1)
    refuse('maxPixels to be a whole number of at least 1', maxPixels);
  if (!(maxBytes >= 1)) refuse('maxBytes to be a number of at least 1', maxBytes);
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 3600))
    refuse('timeoutSeconds to be a number above 0, at most 3600', timeoutSeconds);
  // sharp takes whole seconds alone.
  return { maxPixels, maxBytes, timeoutSeconds: Math.ceil(timeoutSeconds) };
}

/** Options of {@link decodeImage}. */
export interface DecodeOptions extends Preprocessing, DecodeLimits {
  /** What errors call the image (a sample's key). */
  name?: string;
}

/** A decoded image. */
export interface DecodedImage extends ImageSize {
  /** [H, W, 3] normalised */
  pixels_HWC: Float32Array;
  /** Size of the image as it is looked at, EXIF orientation applied, in pixels. */
  original: ImageSize;
}

/**
 * Decodes an image and brings it to a normalised size: EXIF orientation applied, transparency laid on the background, grey, CMYK and 16 bit
 * brought to 8-bit sRGB, the first frame of an animation. Padding, resizing and cropping have the bits of torchvision on Pillow.
 *
 * @param bytes PNG, JPEG, WebP, GIF, TIFF or AVIF file. HEIC is known but `broken-image`: sharp's prebuilt library cannot read it
 * @throws {PatcherError} `unknown-format`, `broken-image`, `too-large`, `timeout`, each naming the image; `invalid-argument`
 *
 * @example
 * const { pixels_HWC } = await decodeImage(bytes, { size: 224, fit: 'letterbox', normalisation: 'siglip' });
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedImage> {
  const settings = resolvePreprocessing(options);
  const { rgb_HWC, original } = await decodeRgb(bytes, settings, options);
  const { width, height } = settings;
  return { pixels_HWC: normalise(rgb_HWC, normalisationTable(settings)), width, height, original };
}

/** The image as 8-bit sRGB [H, W, 3] of the wanted size, before normalisation. */
export async function decodeRgb(
  bytes: Uint8Array,
  settings: ResolvedPreprocessing,
  options: DecodeLimits & { name?: string } = {},
): Promise<{ rgb_HWC: Uint8Array; original: ImageSize }> {
  const { width, height, fit, mean, resample } = settings;
  const image = await decodeWhole(bytes, settings, options);
  const original = { width: image.width, height: image.height };
  const geometry = planGeometry(image.width, image.height, settings);
  const same = geometry.resized.width === image.width && geometry.resized.height === image.height;
  if (same && image.width === width && image.height === height) return { rgb_HWC: image.data, original };
  const fill = fit === 'letterbox' ? letterboxFill(mean) : ([0, 0, 0] as const);
  return { rgb_HWC: resampleRgb(image, geometry, fill, resample, { width, height }, options.name), original };
}

/** The whole image as 8-bit sRGB, as it is looked at. */
async function decodeWhole(
  bytes: Uint8Array,
  { width, height, background: [r, g, b] }: ResolvedPreprocessing,
  options: DecodeLimits & { name?: string },
): Promise<RgbImage> {
  const { maxPixels, maxBytes, timeoutSeconds } = resolveLimits(options);
  const { name = 'image' } = options;
  if (!(bytes instanceof Uint8Array))
    throw new PatcherError('invalid-argument', `${name}: expected bytes, got ${typeof bytes}.`);
  if (bytes.length > maxBytes)
    throw new PatcherError('too-large', `${name}: expected at most ${maxBytes} bytes, got ${bytes.length}.`);
  if (imageFormat(bytes) === undefined)
    throw new PatcherError(
      'unknown-format',
      `${name}: expected a PNG, JPEG, WebP, GIF, TIFF or AVIF file, got ${bytes.length} bytes that begin with ${Buffer.from(bytes.subarray(0, 8)).toString('hex') || 'nothing'}.`,
    );
  const plain = width === height && width * height <= maxPixels ? decodePlainPng(bytes, width) : undefined;
  if (plain) return { data: plain, width, height };
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', pages: 1 })
      .timeout({ seconds: timeoutSeconds })
      .autoOrient()
      .flatten({ background: { r, g, b } })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels in place of 3`);
    return { data, width: info.width, height: info.height };
  } catch (cause) {
    const reason = String((cause as Error).message ?? cause).trim();
    if (/pixel limit/i.test(reason))
      throw new PatcherError('too-large', `${name}: expected at most ${maxPixels} pixels: ${reason}.`, { cause });
    if (/timeout/i.test(reason))
      throw new PatcherError('timeout', `${name}: decoding took longer than ${timeoutSeconds} s.`, { cause });
    throw new PatcherError('broken-image', `${name}: the image cannot be decoded: ${reason}`, { cause });
  }
}

/** What each byte becomes, per channel: (v/255 − mean) / std. @returns [3, 256] */
export function normalisationTable({ mean, std }: Pick<ResolvedPreprocessing, 'mean' | 'std'>): Float32Array {
  return Float32Array.from({ length: 768 }, (_, i) => ((i % 256) / 255 - mean[i >> 8]!) / std[i >> 8]!);
}

/** [.., 3] bytes to normalised numbers. @param table from {@link normalisationTable} */
export function normalise(rgb: Uint8Array, table: Float32Array): Float32Array {
  const out = new Float32Array(rgb.length);
  normaliseRun(rgb, 0, out, 0, rgb.length, table);
  return out;
}
