import { barePatches } from '@vlm/image-patcher';
import sharp from 'sharp';
import { alternate } from './median.ts';
import { type BenchRow, rateRow } from './row.ts';

/** Images to patches, beside what sharp alone needs to decode and resize the same files. */
export async function picturesBenchmark(): Promise<BenchRow[]> {
  const jpegs = await photographs(32, 640, 480);
  const encoder = barePatches({ size: 224, patch: 16, fit: 'letterbox', normalisation: 'siglip' });
  const seconds = await alternate({
    ours: () => encoder.encode(jpegs),
    theirs: () =>
      Promise.all(
        jpegs.map((bytes) => sharp(bytes).resize(224, 224, { fit: 'contain' }).removeAlpha().raw().toBuffer()),
      ),
  });
  return [
    rateRow({
      name: 'JPEG 640 × 480 to 196 patches',
      ours: jpegs.length / seconds.ours,
      theirs: jpegs.length / seconds.theirs,
      unit: 'images/s',
      note: `sharp ${sharp.versions.sharp} decoding and resizing alone, without normalisation and patches`,
    }),
  ];
}

/** JPEGs with the statistics of photographs rather than noise: smooth shapes with some grain. */
async function photographs(count: number, width: number, height: number): Promise<Buffer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, image) => {
      const rgb = new Uint8Array(width * height * 3);
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < 3; c++, i++)
            rgb[i] =
              128 +
              60 * Math.sin((x + 37 * image) / (30 + 11 * c)) +
              50 * Math.cos((y * (c + 1)) / 70) +
              ((i * 2654435761) % 17);
      return sharp(rgb, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 90 })
        .toBuffer();
    }),
  );
}
