import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxEngine } from '@vlm/jit';
import { expect, it } from 'vitest';
import { createGenerator, initParameters, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './index.ts';

it('the example of the README is the one that runs here', async () => {
  // #region readme
  const config = vlmConfig({
    decoder: { dim: 32, layers: 2, heads: 2, vocabSize: 64, sequenceLength: 16 },
    projector: { kind: 'fused-gelu-mlp', featureWidth: 8 },
    zLoss: 1e-4,
  });
  const specs = vlmParams(config);
  const engine = onnxEngine();

  // Train: one step on two rows of text.
  const step = await engine.compileTrainStep({
    params: specs,
    variants: { text: vlmBatch(config, { batch: 2, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.033, clipNorm: 1 },
  });
  const params = initParameters(specs, 124);
  const zeros = () => Object.fromEntries(Object.entries(params).map(([name, w]) => [name, new Float32Array(w.length)]));
  await step.setState({ params, m: zeros(), v: zeros(), step: 0 });
  const tokens_BT = Int32Array.from({ length: 32 }, (_, i) => (7 * i) % 64);
  const targets_BT = tokens_BT.map((token) => (token + 7) % 64);
  const { loss } = await step.run(
    'text',
    { tokens_BT, targets_BT, weights_BT: new Float32Array(32).fill(1) },
    { lr: 3e-3 },
  );

  // Generate from what was trained.
  const trained = (await step.getState()).params;
  const generator = createGenerator({ config, params: trained, engine, batchSize: 4, imageToken: 2 });
  const [answer] = await generator.generate([{ tokens: Int32Array.of(0, 7, 14) }], { maxNewTokens: 4, stopIds: [0] });
  // #endregion readme

  expect(Math.abs(loss - Math.log(64))).toBeLessThan(1); // an untrained model knows next to nothing
  expect(answer!.length).toBeLessThanOrEqual(4);
  await generator.dispose();
  await step.dispose();

  const own = readFileSync(import.meta.filename, 'utf8');
  const code = own.slice(own.indexOf('// #region readme\n') + 18, own.indexOf('  // #endregion readme'));
  expect(readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')).toContain(code.replaceAll(/^ {2}/gm, ''));
});
