/** OpenLM's own numbers: logits, gradients and five AdamW steps of tiny models (settings in each file's metadata). */
import type { TrainStepDefinition } from '@vlm/jit';
import { describe, expect, it } from 'vitest';
import { decoderLogits } from './decoder.ts';
import { readSafetensors } from './safetensors.ts';
import { bind, engines, zeros } from './testing/engines.ts';
import { goldenFiles, relativeError } from './testing/golden.ts';
import { vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

for (const { name, bytes } of goldenFiles(/^openlm-tiny.*\.safetensors$/)) {
  const { tensors, metadata: meta } = readSafetensors(bytes);
  const number = (key: string) => Number(meta[key]);
  const group = (prefix: string) =>
    Object.fromEntries(
      [...tensors].flatMap(([key, { data }]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), data as Float32Array] as const] : [],
      ),
    );
  const config = vlmConfig({
    decoder: {
      dim: number('dim'),
      layers: number('n_layers'),
      heads: number('n_heads'),
      vocabSize: number('vocab_size'),
      sequenceLength: number('seq_len'),
      rotaryBase: number('rotary_base'),
      qkNorm: meta['qk_norm'] === 'True',
    },
    zLoss: number('z_loss'),
    zLossOver: 'all',
  });
  const params = vlmParams(config);
  const weights = group('weights.');
  const tokens_BT = tensors.get('tokens')!.data as Int32Array;
  const labels = tensors.get('labels')!.data as Int32Array;
  const batch = {
    tokens_BT,
    targets_BT: labels.map((label) => Math.max(label, 0)),
    weights_BT: Float32Array.from(labels, (label) => Number(label >= 0)),
  };
  const variant = vlmBatch(config, { batch: number('batch'), patches: 0 });
  const [beta1, beta2] = meta['betas']!.split(',').map(Number) as [number, number];
  const definition: TrainStepDefinition = {
    params,
    variants: { text: variant },
    loss: vlmLoss(config),
    optimizer: {
      beta1,
      beta2,
      epsilon: number('eps'),
      weightDecay: number('weight_decay'),
      clipNorm: number('grad_clip'),
    },
  };

  describe.each(engines)(`${name} on %s`, (_, open) => {
    it('has the same parameters', () => {
      expect(Object.keys(params).sort()).toEqual(Object.keys(weights).sort());
      for (const [key, { shape }] of Object.entries(params))
        expect(tensors.get(`weights.${key}`)!.shape).toEqual(shape);
    });

    it('computes the same logits', async () => {
      const forward = await open().compileForward(
        (constants, { tokens_BT }) => ({ logits: decoderLogits(config.decoder, constants, tokens_BT!) }),
        { constants: bind(params, weights), inputs: { tokens_BT: variant['tokens_BT']! } },
      );
      const { logits } = await forward.run({ tokens_BT });
      expect(relativeError(logits!, tensors.get('logits')!.data as Float32Array)).toBeLessThan(1e-5);
      await forward.dispose();
    });

    it('computes the same gradients, then the same weights after five steps', async () => {
      const step = await open().compileTrainStep(definition);
      await step.setState({ params: weights, m: zeros(weights), v: zeros(weights), step: 0 });
      const { loss, gradients } = await step.gradients('text', batch);
      expect(Math.abs(loss / number('loss') - 1)).toBeLessThan(1e-5);
      for (const [key, expected] of Object.entries(group('grads.'))) {
        expect(relativeError(gradients[key]!, expected), key).toBeLessThan(1e-5);
      }

      const losses = JSON.parse(meta['step_losses']!) as number[];
      const norms = JSON.parse(meta['step_grad_norms']!) as number[];
      for (let i = 0; i < number('steps'); i++) {
        const result = await step.run('text', batch, { lr: number('lr') });
        expect(Math.abs(result.loss / losses[i]! - 1)).toBeLessThan(1e-5);
        expect(Math.abs(result.gradNorm / norms[i]! - 1)).toBeLessThan(1e-5);
        if (i === 0) expect(Math.abs(result.metrics['crossEntropy']! / number('cross_entropy') - 1)).toBeLessThan(1e-5);
      }
      // Adam divides each gradient by its own size, so a weight whose gradient is all rounding may move either way: runs of the same
      // reference in float32 and float64 differ there by up to 5e-5. Hence: all but one weight in a thousand agree.
      const after = (await step.getState()).params;
      for (const [key, expected] of Object.entries(group('after.'))) {
        const differences = expected.map((w, i) => Math.abs(w - after[key]![i]!));
        expect(differences.filter((d) => !(d <= 1e-5)).length, key).toBeLessThanOrEqual(expected.length / 1000);
        expect(Math.max(...differences), key).toBeLessThan(0.1 * number('lr'));
      }
      await step.dispose();
    });
  });
}
