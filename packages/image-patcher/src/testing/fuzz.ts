import sharp from 'sharp';
import { decodeImage } from '../decode-image.ts';
import { isImageProblem } from '../patcher-error.ts';
import { rgbPattern } from './pictures.ts';

/** What became of mutated images. */
export interface FuzzResult {
  tried: number;
  /** Still an image: decoded to finite pixels of the wanted size. */
  decoded: number;
  /** Refused, by error code. */
  refused: Record<string, number>;
  /** Anything else: an error of another kind, or pixels that are none. */
  wrong: string[];
  slowestMs: number;
}

const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;

/**
 * Decodes whole images with seeded damage: bytes flipped, overwritten, cut off, left out, doubled, or spliced from another file.
 *
 * @returns counts; a crash of the process or a hang shows itself
 */
export async function fuzzImages({ seed, count }: { seed: number; count: number }): Promise<FuzzResult> {
  const random = mulberry32(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const files = await wholeFiles();
  const result: FuzzResult = { tried: 0, decoded: 0, refused: {}, wrong: [], slowestMs: 0 };
  for (let i = 0; i < count; i++) {
    const file = mutate(files[pick(files.length)]!, files[pick(files.length)]!, pick);
    const startMs = performance.now();
    try {
      const { pixels_HWC } = await decodeImage(file, {
        size: 16,
        fit: 'letterbox',
        normalisation: 'siglip',
        maxPixels: 4_000_000,
        timeoutSeconds: 5,
      });
      if (pixels_HWC.length !== 16 * 16 * 3 || !pixels_HWC.every((v) => v >= -1 && v <= 1))
        result.wrong.push(`input ${i}: pixels are not in −1..1`);
      result.decoded++;
    } catch (error) {
      if (isImageProblem(error)) result.refused[error.code] = (result.refused[error.code] ?? 0) + 1;
      else result.wrong.push(`input ${i}: ${String(error)}`);
    }
    result.slowestMs = Math.max(result.slowestMs, performance.now() - startMs);
    result.tried++;
  }
  return result;
}

async function wholeFiles(): Promise<Buffer[]> {
  const picture = () => sharp(rgbPattern(40, 30), { raw: { width: 40, height: 30, channels: 3 } });
  const files = await Promise.all(FORMATS.map((format) => picture().toFormat(format).toBuffer()));
  const others = [
    picture().jpeg({ progressive: true }),
    picture().png({ palette: true }),
    picture().toColourspace('rgb16').png(),
    picture().withMetadata({ orientation: 6 }).jpeg(),
    picture().resize(16, 16).png(), // goes the short way
  ];
  return [...files, ...(await Promise.all(others.map((each) => each.toBuffer())))];
}

function mutate(file: Buffer, other: Buffer, pick: (below: number) => number): Uint8Array {
  let bytes = Buffer.from(file);
  for (let n = 1 + pick(4); n > 0; n--) {
    // Half of the damage goes to the head, where sizes and lengths are.
    const at = pick(2) ? pick(Math.min(64, bytes.length)) : pick(bytes.length);
    const length = Math.min(bytes.length - at, 1 + pick(32));
    const kind = pick(7);
    if (kind === 0) bytes[at]! ^= 1 << pick(8);
    else if (kind === 1) bytes[at] = [0, 1, 127, 128, 255][pick(5)]!;
    else if (kind === 2) bytes.fill(pick(256), at, at + length);
    else if (kind === 3) bytes = bytes.subarray(0, Math.max(1, at));
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    else if (kind === 5) bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(pick(other.length))]);
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
