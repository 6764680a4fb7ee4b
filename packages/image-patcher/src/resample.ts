// Pads, resizes and crops packed 8-bit RGB in one go, with the bits of Pillow's `Image.resize`: columns first, rounded to bytes, then rows.
// Legend: H W of the input, h w of the output, C = 3.
import { resampleWasm } from './generated/resample-wasm.ts';
import type { Geometry } from './geometry.ts';
import { PatcherError } from './patcher-error.ts';
import { filterTaps, type Resample, type Taps } from './resample-filters.ts';

/** What `resample.wat` exports; all arguments are byte offsets, counts and sizes in bytes. */
interface Kernel {
  horizontal(
    ...args: [
      ...[input: number, out: number, rows: number, inRow: number, columns: number],
      ...taps: TapAddress,
      starts: number,
    ]
  ): void;
  vertical(input: number, out: number, rows: number, rowBytes: number, ...taps: TapAddress): void;
}
type TapAddress = [bounds: number, weights: number, stride: number];

// The part of the WebAssembly namespace that is used here: the ES library declares none of it.
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
interface WebAssemblyLike {
  Memory: new (options: { initial: number }) => Memory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
}

/** Bytes of input that are in the kernel's memory at once. */
const BAND_BYTES = 2 * 1024 * 1024;
const PAGE_BYTES = 65_536;
/** All that a WebAssembly memory may hold. */
const MAX_BYTES = 65_536 * PAGE_BYTES;
/** Half of the unit of weights: rounds a sum. */
const HALF = 2 ** 21;
/** Room that the kernel may read or spill into behind a buffer. */
const SLACK = 64;

let kernel: { memory: Memory; exports: Kernel } | undefined;

function openKernel(): { memory: Memory; exports: Kernel } {
  if (kernel) return kernel;
  const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyLike }).WebAssembly;
  const memory = new Memory({ initial: 64 });
  const instance = new Instance(new Module(Buffer.from(resampleWasm, 'base64')), { state: { memory } });
  kernel = { memory, exports: instance.exports as Kernel };
  return kernel;
}

/** Packed 8-bit RGB [H, W, 3]. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}

/**
 * @param geometry where the pixels go
 * @param fill colour of the padding
 * @param size of the output
 * @param name what errors call the image
 * @returns [h, w, 3]
 * @throws {PatcherError} `too-large` where the image's shape asks for more than 4 GiB on the way, as a line of 180,000 pixels does that is
 *   to be 8192 wide
 */
export function resampleRgb(
  image: RgbImage,
  geometry: Geometry,
  fill: readonly [number, number, number],
  resample: Resample,
  size: { width: number; height: number },
  name = 'image',
): Uint8Array {
  const { pad, resized, crop } = geometry;
  const padded = { width: image.width + 2 * pad.x, height: image.height + 2 * pad.y };
  const { columns, starts } = withoutPadding(
    filterTaps(resample, padded.width, resized.width, crop.x, size.width),
    pad.x,
    image.width,
    fill,
  );
  const rows = filterTaps(resample, padded.height, resized.height, crop.y, size.height);
  // Rows of the padded image that the output depends on.
  const last = 2 * (size.height - 1);
  const needed = { from: rows.bounds[0]!, to: rows.bounds[last]! + rows.bounds[last + 1]! };
  for (let i = 0; i < rows.bounds.length; i += 2) rows.bounds[i]! -= needed.from;

  const inRow = image.width * 3;
  const outRow = size.width * 3;
  const bandRows = Math.max(4, Math.floor(BAND_BYTES / inRow) & ~3);
  const place = layout({
    columns: tapBytes(columns),
    starts: starts.byteLength,
    rows: tapBytes(rows),
    band: bandRows * inRow,
    middle: (needed.to - needed.from + 4) * outRow,
    out: size.height * outRow,
  });
  if (place.end > MAX_BYTES)
    throw new PatcherError(
      'too-large',
      `${name}: resizing ${image.width} × ${image.height} pixels to ${size.width} × ${size.height} takes ${place.end} bytes of memory, expected at most ${MAX_BYTES}; take a smaller size or leave the image out.`,
    );
  const { memory, exports } = openKernel();
  reserve(memory, place.end);
  const bytes = new Uint8Array(memory.buffer);
  const columnTaps = putTaps(memory, place.columns, columns, 3);
  new Int32Array(memory.buffer, place.starts, starts.length).set(starts);
  const rowTaps = putTaps(memory, place.rows, rows, outRow);

  for (let y = needed.from; y < needed.to; ) {
    const at = place.middle + (y - needed.from) * outRow;
    const inside = y - pad.y;
    if (inside < 0 || inside >= image.height) {
      // Padding stays padding: weights add up to one.
      for (let i = 0; i < outRow; i++) bytes[at + i] = fill[i % 3]!;
      y++;
      continue;
    }
    const count = Math.min(bandRows, image.height - inside, needed.to - y);
    bytes.set(image.data.subarray(inside * inRow, (inside + count) * inRow), place.band);
    exports.horizontal(place.band, at, count, inRow, size.width, ...columnTaps, place.starts);
    y += count;
  }
  exports.vertical(place.middle, place.out, size.height, outRow, ...rowTaps);
  return bytes.slice(place.out, place.out + size.height * outRow);
}

/**
 * Taps in the padding at the left and the right always weigh the same colour: their share goes into where a sum starts, so that a tall image costs
 * its own pixels and not those of a square as wide as it is tall.
 *
 * @returns taps within the image, at least one each, and per column the start of the three sums, [columns, 4]
 */
function withoutPadding(
  { bounds, weights, stride }: Taps,
  pad: number,
  width: number,
  fill: readonly [number, number, number],
): { columns: Taps; starts: Int32Array } {
  const starts = new Int32Array(2 * bounds.length);
  const inside: Taps = { bounds: new Int32Array(bounds.length), weights: new Int32Array(weights.length), stride };
  for (let i = 0; 2 * i < bounds.length; i++) {
    let [outside, taps, from] = [0, 0, 0];
    for (let t = 0; t < bounds[2 * i + 1]!; t++) {
      const weight = weights[i * stride + t]!;
      const at = bounds[2 * i]! + t - pad;
      if (at < 0 || at >= width) {
        outside += weight;
        continue;
      }
      if (taps === 0) from = at;
      inside.weights[i * stride + taps++] = weight;
    }
    inside.bounds[2 * i] = from;
    inside.bounds[2 * i + 1] = Math.max(1, taps); // a column of padding alone has one tap without weight
    for (let c = 0; c < 3; c++) starts[4 * i + c] = HALF + fill[c]! * outside;
  }
  return { columns: inside, starts };
}

const tapBytes = ({ bounds, weights }: Taps): number => bounds.byteLength + weights.byteLength;

/** Offsets of buffers behind each other, and where the last ends. */
function layout<Name extends string>(bytes: Record<Name, number>): Record<Name | 'end', number> {
  const places: Record<string, number> = {};
  let end = 0;
  for (const [name, length] of Object.entries<number>(bytes)) {
    places[name] = end;
    end += Math.ceil((length + SLACK) / 16) * 16;
  }
  return { ...places, end } as Record<Name | 'end', number>;
}

function reserve(memory: Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing > 0) memory.grow(missing);
}

/** Writes taps; their bounds become byte offsets. */
function putTaps(memory: Memory, at: number, { bounds, weights, stride }: Taps, unit: number): TapAddress {
  const words = new Int32Array(memory.buffer, at, bounds.length + weights.length);
  for (let i = 0; i < bounds.length; i += 2) {
    words[i] = bounds[i]! * unit;
    words[i + 1] = bounds[i + 1]!;
  }
  words.set(weights, bounds.length);
  return [at, at + bounds.byteLength, stride * 4];
}
