import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  barePatches,
  cachedEncoder,
  concatEncoders,
  createEncoder,
  decodeImage,
  encodeSamples,
  featureCache,
  openHubEncoder,
  type Preprocessing,
  patchify,
  unpatchify,
} from './index.ts';
import { hubFolders } from './testing/golden.ts';
import { png, rgbPattern } from './testing/pictures.ts';
import { tinyOnnx } from './testing/tiny-onnx.ts';

/** The README holds the code between two marks of this file. */
function expectInReadme(mark: string): void {
  const own = readFileSync(import.meta.filename, 'utf8');
  const begin = `// #region ${mark}\n`;
  const code = own.slice(own.indexOf(begin) + begin.length, own.indexOf(`  // #endregion ${mark}\n`));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
}

it('decodes and cuts as the README says', async () => {
  const bytes = await png(rgbPattern(100, 50), 100, 50);
  // #region decode
  const { pixels_HWC, original } = await decodeImage(bytes, { size: 64, fit: 'letterbox', normalisation: 'siglip' });
  const patches_PD = patchify(pixels_HWC, 64, 16); // [16, 16·16·3]
  const back_HWC = unpatchify(patches_PD, 64, 16);
  // #endregion decode
  expectInReadme('decode');
  expect(original).toEqual({ width: 100, height: 50 });
  expect(back_HWC).toEqual(pixels_HWC);
});

it('encodes and caches as the README says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patcher-'));
  const model = join(folder, 'encoder.onnx');
  const weights_FCPP = new Float32Array(5 * 3 * 16 * 16).fill(0.01);
  writeFileSync(model, tinyOnnx({ size: 64, patch: 16, width: 5, weights_FCPP, batch: 'B' }));
  const image = await png(rgbPattern(64, 64), 64, 64);
  const samples = [
    { name: 'a', bytes: image },
    { name: 'b', bytes: image.subarray(0, 100) },
  ];
  const skipped: string[] = [];
  // #region encode
  const preprocessing: Preprocessing = { size: 64, fit: 'letterbox', normalisation: 'siglip' };
  const encoder = await createEncoder(model, { preprocessing, batchSize: 32, threads: 2 });
  const cache = await featureCache(folder, encoder);
  const cached = cachedEncoder(encoder, cache); // images that the cache knows are not even decoded

  const { features, broken } = await encodeSamples(cached, samples, {
    onBroken: ({ name, error }) => skipped.push(`${name}: ${error.code}`), // or 'error', the default
  });
  await cache.close();
  await encoder.dispose();
  // #endregion encode
  expectInReadme('encode');
  expect([broken, skipped]).toEqual([1, ['b: broken-image']]);
  expect([features[0]!.length, features[1]]).toEqual([16 * 5, undefined]);
  // #region bare
  const bare = barePatches({ ...preprocessing, patch: 16 }); // the same interface without an encoder: [16, 768]
  // #endregion bare
  expectInReadme('bare');
  expect([bare.patches, bare.width]).toEqual([16, 768]);
  rmSync(folder, { recursive: true });
});

it('opens hub folders as the README says', async () => {
  const { dinov2: dinoFolder, siglip: siglipFolder } = hubFolders() as { dinov2: string; siglip: string };
  const bytes = await png(rgbPattern(40, 20), 40, 20);
  // #region hub
  const siglip = await openHubEncoder(siglipFolder, { layer: -2, preprocessing: { fit: 'letterbox' } });
  const dinov2 = await openHubEncoder(dinoFolder, { layer: -2, preprocessing: { fit: 'letterbox' } });
  const both = concatEncoders([dinov2, siglip]); // prismatic's DINOv2 + SigLIP
  const [features] = await both.encode([bytes]); // [P, F of dinov2 + F of siglip]
  // #endregion hub
  expectInReadme('hub');
  expect(features).toHaveLength(both.patches * both.width);
  await Promise.all([siglip.dispose(), dinov2.dispose()]);
});
