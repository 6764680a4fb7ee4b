import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { barePatches, cachedEncoder, decodeImage, featureCache, patchify } from '@vlm/image-patcher';
import sharp from 'sharp';
import { alternate, median } from './median.ts';
import { openPillow } from './pillow.ts';
import { type BenchRow, rateRow } from './row.ts';

const patch = 16;
const settings = { fit: 'letterbox', normalisation: 'siglip' } as const;
const workloads = [
  { name: 'JPEG 640 × 480', size: 224, count: 32, make: (i: number) => photograph(640, 480, i, 'jpeg') },
  { name: 'JPEG 1600 × 1200', size: 384, count: 8, make: (i: number) => photograph(1600, 1200, i, 'jpeg') },
  { name: 'PNG 64 × 64', size: 64, count: 256, make: (i: number) => photograph(64, 64, i, 'png') },
];

/** Images to normalised patches, beside torchvision on Pillow (where Python has them) and what sharp alone needs to decode and resize the files. */
export async function picturesBenchmark(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const pillow = await openPillow();
  for (const { name, size, count, make } of workloads) {
    const files = await Promise.all(Array.from({ length: count }, (_, i) => make(i)));
    const encoder = barePatches({ ...settings, size, patch });
    const rate = (seconds: number): number => files.length / seconds;
    const theirs: number[] = [];
    const seconds = await alternate({
      all: () => encoder.encode(files),
      oneByOne: async () => {
        for (const file of files) await encoder.encode([file]);
      },
      sharp: () => Promise.all(files.map((file) => sharpAlone(file, size))),
      pillow: async () => pillow && theirs.push(await pillow.run({ size, patch, files })),
    });
    const python = pillow ? rate(median(theirs.slice(1))) : null;
    const cores = availableParallelism();
    rows.push(
      rateRow({
        name: `${name} to ${size} × ${size} patches`,
        ours: rate(seconds.all),
        theirs: python,
        unit: 'images/s',
        note: pillow
          ? `${pillow.versions}, one process; ours has ${cores} cores`
          : 'Python without torchvision: set BENCH_PYTHON',
      }),
      rateRow({
        name: `${name}, one after another`,
        ours: rate(seconds.oneByOne),
        theirs: python,
        unit: 'images/s',
        note: pillow ? 'both with one image at a time' : 'Python without torchvision: set BENCH_PYTHON',
      }),
      rateRow({
        name: `${name}, the floor`,
        ours: rate(seconds.all),
        theirs: rate(seconds.sharp),
        unit: 'images/s',
        note: `sharp ${sharp.versions.sharp} decodes and resizes only (and shrinks JPEGs on loading, which changes pixels)`,
      }),
    );
  }
  pillow?.close();
  return [...rows, await fusedRow(), await cacheRow()];
}

function sharpAlone(file: Buffer, size: number): Promise<Buffer> {
  return sharp(file).resize(size, size, { fit: 'contain', kernel: 'cubic' }).removeAlpha().raw().toBuffer();
}

/** A PNG of the right size decoded, normalised and cut in one pass or in two. */
async function fusedRow(): Promise<BenchRow> {
  const file = await photograph(128, 128, 1, 'png');
  const files = Array.from({ length: 64 }, () => file);
  const encoder = barePatches({ ...settings, size: 128, patch });
  const seconds = await alternate({
    fused: () => encoder.encode(files),
    two: async () => {
      for (const each of files) patchify((await decodeImage(each, { ...settings, size: 128 })).pixels_HWC, 128, patch);
    },
  });
  return rateRow({
    name: 'PNG 128 × 128, normalised and cut in one pass',
    ours: files.length / seconds.fused,
    theirs: files.length / seconds.two,
    unit: 'images/s',
    note: 'decodeImage, then patchify',
  });
}

async function cacheRow(): Promise<BenchRow> {
  const files = await Promise.all(Array.from({ length: 512 }, (_, i) => photograph(64, 64, i, 'png')));
  const encoder = barePatches({ ...settings, size: 64, patch });
  const folder = await mkdtemp(join(tmpdir(), 'features-'));
  const cache = await featureCache(folder, encoder);
  const cached = cachedEncoder(encoder, cache);
  await cached.encode(files);
  await cache.flush();
  const seconds = await alternate({ cached: () => cached.encode(files), anew: () => encoder.encode(files) });
  await cache.close();
  await rm(folder, { recursive: true });
  return rateRow({
    name: 'PNG 64 × 64, features from the cache on disk',
    ours: files.length / seconds.cached,
    theirs: files.length / seconds.anew,
    unit: 'images/s',
    note: 'the same patches made anew',
  });
}

/** A file with the statistics of a photograph rather than noise: smooth shapes with some grain. */
function photograph(width: number, height: number, image: number, format: 'jpeg' | 'png'): Promise<Buffer> {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++, i++)
        rgb[i] =
          128 +
          60 * Math.sin((x + 37 * image) / (30 + 11 * c)) +
          50 * Math.cos((y * (c + 1)) / 70) +
          ((i * 2654435761) % 17);
  const source = sharp(rgb, { raw: { width, height, channels: 3 } });
  return (format === 'jpeg' ? source.jpeg({ quality: 90 }) : source.png()).toBuffer();
}
