import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { bench, describe } from 'vitest';
import { barePatches } from './bare-patches.ts';
import { cachedEncoder } from './cached-encoder.ts';
import { featureCache } from './disk-cache.ts';
import { createEncoder } from './onnx-encoder.ts';
import type { Preprocessing } from './preprocessing.ts';
import { png, rgbPattern } from './testing/pictures.ts';
import { tinyOnnx } from './testing/tiny-onnx.ts';

const once = { iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0 };
const preprocessing: Preprocessing = { size: 64, fit: 'letterbox', normalisation: 'siglip' };
const small = await Promise.all(Array.from({ length: 512 }, (_, i) => png(rgbPattern(64, 64, i), 64, 64)));
const photo = await sharp(rgbPattern(640, 480), { raw: { width: 640, height: 480, channels: 3 } })
  .blur(3)
  .jpeg()
  .toBuffer();
const photos = Array.from({ length: 32 }, () => photo);
const weights_FCPP = new Float32Array(128 * 3 * 16 * 16).fill(0.01);
const tiny = tinyOnnx({ size: 64, patch: 16, width: 128, weights_FCPP, batch: 'B' });
const bare = barePatches({ ...preprocessing, patch: 16 });
const large = barePatches({ ...preprocessing, size: 224, patch: 16 });
const onnx = await createEncoder(tiny, { preprocessing });
const cached = cachedEncoder(onnx, await featureCache(mkdtempSync(join(tmpdir(), 'features-')), onnx));
await cached.encode(small);

describe('images to features', () => {
  bench('512 PNGs of 64 × 64 to bare patches', () => bare.encode(small).then(() => {}), once);
  bench('512 PNGs of 64 × 64 through a patch embedding in ONNX', () => onnx.encode(small).then(() => {}), once);
  bench('512 PNGs of 64 × 64 from the cache on disk', () => cached.encode(small).then(() => {}), once);
  bench('32 JPEGs of 640 × 480 to 224 × 224', () => large.encode(photos).then(() => {}), once);
});
