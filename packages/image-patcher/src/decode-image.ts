// Legend: H W height and width (both = size after decoding), C = 3 channels.
import sharp, { type Sharp } from 'sharp';
import { imageFormat } from './image-format.ts';
import { letterboxFill, letterboxPadding } from './letterbox.ts';
import { PatcherError } from './patcher-error.ts';
import { decodePlainPng } from './plain-png.ts';
import { type Preprocessing, type ResolvedPreprocessing, resolvePreprocessing } from './preprocessing.ts';

/** Guards against hostile or mistaken files. */
export interface DecodeLimits {
  /** Most pixels of an encoded image, width × height; 64 megapixels unless given (a decompression bomb declares more). */
  maxPixels?: number;
  /** Most encoded bytes; 64 MiB unless given. */
  maxBytes?: number;
  /** Most seconds of decoding; 30 unless given. */
  timeoutSeconds?: number;
}

/** Options of {@link decodeImage}. */
export interface DecodeOptions extends Preprocessing, DecodeLimits {
  /** What errors call the image (a sample's key). */
  name?: string;
}

/** A decoded image. */
export interface DecodedImage {
  /** [size, size, 3] normalised */
  pixels_HWC: Float32Array;
  size: number;
  /** Size of the image as it is looked at, EXIF orientation applied, in pixels. */
  original: { width: number; height: number };
}

/**
 * Decodes an image and brings it to a normalised square: EXIF orientation applied, transparency laid on the background, grey, CMYK and 16 bit
 * brought to 8-bit sRGB, the first frame of an animation.
 *
 * @param bytes PNG, JPEG, WebP, GIF, TIFF or AVIF/HEIF file
 * @throws {PatcherError} `unknown-format`, `broken-image`, `too-large`, `timeout`, each naming the image; `invalid-argument`
 *
 * @example
 * const { pixels_HWC } = await decodeImage(bytes, { size: 224, fit: 'letterbox', normalisation: 'siglip' });
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<DecodedImage> {
  const settings = resolvePreprocessing(options);
  const { rgb_HWC, original } = await decodeRgb(bytes, settings, options);
  return { pixels_HWC: normalise(rgb_HWC, settings), size: settings.size, original };
}

/** The square as 8-bit sRGB [size, size, 3], before normalisation. */
export async function decodeRgb(
  bytes: Uint8Array,
  settings: ResolvedPreprocessing,
  options: DecodeLimits & { name?: string } = {},
): Promise<{ rgb_HWC: Uint8Array; original: { width: number; height: number } }> {
  const { maxPixels = 64_000_000, maxBytes = 64 * 1024 * 1024, timeoutSeconds = 30, name = 'image' } = options;
  if (!(bytes instanceof Uint8Array))
    throw new PatcherError('invalid-argument', `${name}: expected bytes, got ${typeof bytes}.`);
  if (bytes.length > maxBytes)
    throw new PatcherError('too-large', `${name}: expected at most ${maxBytes} bytes, got ${bytes.length}.`);
  if (imageFormat(bytes) === undefined)
    throw new PatcherError(
      'unknown-format',
      `${name}: expected a PNG, JPEG, WebP, GIF, TIFF or AVIF/HEIF file, got ${bytes.length} bytes that begin with ${Buffer.from(bytes.subarray(0, 8)).toString('hex') || 'nothing'}.`,
    );
  const { size, background } = settings;
  const plain = size * size <= maxPixels ? decodePlainPng(bytes, size) : undefined;
  if (plain) return { rgb_HWC: plain, original: { width: size, height: size } };
  try {
    const source = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', pages: 1 })
      .timeout({ seconds: timeoutSeconds })
      .autoOrient()
      .flatten({ background: toColour(background) })
      .toColourspace('srgb')
      .removeAlpha();
    const whole = await raw(source);
    const original = { width: whole.width, height: whole.height };
    if (whole.width === size && whole.height === size) return { rgb_HWC: whole.data, original };
    const square = settings.fit === 'letterbox' ? pad(whole, settings) : whole;
    if (square.width === size && square.height === size) return { rgb_HWC: square.data, original };
    const resized = sharp(square.data, { raw: { width: square.width, height: square.height, channels: 3 } })
      .timeout({ seconds: timeoutSeconds })
      .resize(size, size, { fit: settings.fit === 'crop' ? 'cover' : 'fill', position: 'centre', kernel: 'cubic' });
    return { rgb_HWC: (await raw(resized)).data, original };
  } catch (cause) {
    if (PatcherError.isInstance(cause)) throw cause;
    const reason = String((cause as Error).message ?? cause).trim();
    if (/pixel limit/i.test(reason))
      throw new PatcherError('too-large', `${name}: expected at most ${maxPixels} pixels: ${reason}.`, { cause });
    if (/timeout/i.test(reason))
      throw new PatcherError('timeout', `${name}: decoding took longer than ${timeoutSeconds} s.`, { cause });
    throw new PatcherError('broken-image', `${name}: the image cannot be decoded: ${reason}`, { cause });
  }
}

interface RawImage {
  data: Uint8Array;
  width: number;
  height: number;
}

async function raw(pipeline: Sharp): Promise<RawImage> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels in place of 3`);
  return { data, width: info.width, height: info.height };
}

/** Pads an image in memory: cheaper and plainer than a second trip through sharp. */
function pad(image: RawImage, settings: ResolvedPreprocessing): RawImage {
  const { left, top, width, height } = letterboxPadding(image.width, image.height);
  const fill = Uint8Array.from(letterboxFill(settings.mean));
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(fill, i);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    data.set(row, ((y + top) * width + left) * 3);
  }
  return { data, width, height };
}

/** [.., 3] bytes to (v/255 − mean) / std. */
export function normalise(rgb: Uint8Array, { mean, std }: Pick<ResolvedPreprocessing, 'mean' | 'std'>): Float32Array {
  const table = [0, 1, 2].map((c) => Float32Array.from({ length: 256 }, (_, v) => (v / 255 - mean[c]!) / std[c]!));
  const [red, green, blue] = table as [Float32Array, Float32Array, Float32Array];
  const out = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    out[i] = red[rgb[i]!]!;
    out[i + 1] = green[rgb[i + 1]!]!;
    out[i + 2] = blue[rgb[i + 2]!]!;
  }
  return out;
}

function toColour([r, g, b]: ResolvedPreprocessing['background']): { r: number; g: number; b: number } {
  return { r, g, b };
}
