/**
 * Checkpoints that Hugging Face's `transformers` wrote, with its own logits, loss and gradients (made by
 * tools/make_hugging_face_fixtures.py); further folders of this kind are read from `GOLDEN_DIR`/hugging-face.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { decoderLogits } from './decoder.ts';
import { readHuggingFace, writeHuggingFace } from './hugging-face.ts';
import { relativeError } from './relative-error.ts';
import { readSafetensors } from './safetensors.ts';
import { bind, engines, zeros } from './testing/engines.ts';
import { vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

const own = fileURLToPath(new URL('../fixtures/hugging-face', import.meta.url));
const folders = [own, ...(process.env['GOLDEN_DIR'] ? [join(process.env['GOLDEN_DIR'], 'hugging-face')] : [])]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));

const scratch = mkdtempSync(join(tmpdir(), 'hugging-face-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe.each(folders)('%s', (folder) => {
  const expected = readSafetensors(readFileSync(join(folder, 'expected.safetensors'))).tensors;
  const tokens_BT = expected.get('tokens')!.data as Int32Array;
  const [B, T] = expected.get('tokens')!.shape as [number, number];

  it('is written back byte for byte', async () => {
    const { decoder, params, layout } = await readHuggingFace(folder);
    const copy = join(scratch, 'copy');
    await writeHuggingFace(copy, { decoder, params, layout });
    const files = readdirSync(folder).filter((name) => name !== 'expected.safetensors');
    expect(readdirSync(copy).sort()).toEqual(files.sort());
    for (const name of files)
      expect(readFileSync(join(copy, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
    rmSync(copy, { recursive: true });
  });

  it.each(engines)('gives the same logits, loss and gradients on %s', async (_, open) => {
    const { decoder, params } = await readHuggingFace(folder, { sequenceLength: T });
    const config = vlmConfig({ decoder });
    const specs = vlmParams(config);
    const batch = vlmBatch(config, { batch: B, patches: 0 });
    const forward = await open().compileForward(
      (constants, { tokens_BT }) => ({ logits: decoderLogits(decoder, constants, tokens_BT!) }),
      { constants: bind(specs, params), inputs: { tokens_BT: batch['tokens_BT']! } },
    );
    const { logits } = await forward.run({ tokens_BT });
    expect(relativeError(logits!, expected.get('logits')!.data as Float32Array)).toBeLessThan(1e-5);
    await forward.dispose();

    const step = await open().compileTrainStep({
      params: specs,
      variants: { text: batch },
      loss: vlmLoss(config),
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
    });
    await step.setState({ params, m: zeros(params), v: zeros(params), step: 0 });
    const { loss, gradients } = await step.gradients('text', {
      tokens_BT,
      targets_BT: tokens_BT.map((_, i) => (i % T === T - 1 ? 0 : tokens_BT[i + 1]!)),
      weights_BT: Float32Array.from(tokens_BT, (_, i) => Number(i % T !== T - 1)),
    });
    expect(Math.abs(loss / (expected.get('loss')!.data[0] as number) - 1)).toBeLessThan(1e-6);
    const errors = Object.entries(gradients).map(([name, gradient]) => {
      return [name, relativeError(gradient, expected.get(`grads.${name}`)!.data as Float32Array)] as const;
    });
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    expect(errors.length).toBe([...expected.keys()].filter((name) => name.startsWith('grads.')).length);
    await step.dispose();
  });
});
