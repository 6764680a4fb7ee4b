import { explain } from '@vlm/jit';
import { describe, expect, it } from 'vitest';
import { countDecoderParameters, countParameters, decoderFlops, trainingMemory } from './counts.ts';
import { type DecoderOptions, decoderConfig } from './decoder-config.ts';
import { decoderSize } from './openlm-config.ts';
import { vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

it('costs about six operations for each token and weight, and twice as much backward as forward', () => {
  const config = decoderSize('1b');
  const { forward, backward, total, executed } = decoderFlops(config, 1);
  const weights = countDecoderParameters(config) - config.vocabSize * config.dim;
  expect(total / (6 * weights)).toBeCloseTo(1, 3);
  expect(backward).toBe(2 * forward);
  expect(executed).toBe(total);
  expect(decoderFlops(config, 2049).forward - forward).toBe(24 * 4 * 2048 * 1024);
  // Eight blocks of 256 queries see 256, 512, … keys, 1152 on average; seven products in place of six, as scores are computed again.
  expect(decoderFlops(config, 2048).executed - executed).toBe(24 * 4 * 2048 * (3.5 * 1152 - 3));
});

it('counts a tied head once as a parameter and as a product all the same', () => {
  const options = { dim: 64, layers: 2, heads: 4, vocabSize: 100, sequenceLength: 32 };
  const [tied, untied] = [decoderConfig({ ...options, tiedHead: true }), decoderConfig(options)];
  expect(countDecoderParameters(untied) - countDecoderParameters(tied)).toBe(100 * 64);
  expect(decoderFlops(tied)).toEqual(decoderFlops(untied));
});

it('counts published models of other families', () => {
  const llama8b = decoderConfig({
    family: 'llama',
    dim: 4096,
    layers: 32,
    heads: 32,
    keyHeads: 8,
    hidden: 14336,
    vocabSize: 128256,
    sequenceLength: 8192,
  });
  expect(countDecoderParameters(llama8b)).toBe(8_030_261_248);
  const pythia160m = decoderConfig({
    family: 'gpt-neox',
    dim: 768,
    layers: 12,
    heads: 12,
    vocabSize: 50304,
    sequenceLength: 2048,
  });
  expect(countDecoderParameters(pythia160m)).toBe(162_322_944);
});

describe('what compiled steps do', () => {
  const sizes = { dim: 128, layers: 2, heads: 4, vocabSize: 1000, sequenceLength: 128 } as const;
  const cases: [string, DecoderOptions, number][] = [
    ['OpenLM', sizes, 8],
    ['OpenLM without qk-norm, short rows', { ...sizes, qkNorm: false, sequenceLength: 32 }, 16],
    ['Llama with grouped queries', { ...sizes, family: 'llama', hidden: 512, keyHeads: 2 }, 8],
    ['GPT-NeoX', { ...sizes, family: 'gpt-neox' }, 8],
    ['OpenLM, rows in two blocks', { ...sizes, sequenceLength: 256 }, 2],
    ['OpenLM, rows whose scores are computed again', { ...sizes, sequenceLength: 512 }, 2],
    ['OpenLM, long rows', { ...sizes, sequenceLength: 1024 }, 1],
    ['Llama, long rows', { ...sizes, family: 'llama', hidden: 512, keyHeads: 2, sequenceLength: 1024 }, 1],
    ['GPT-NeoX, long rows', { ...sizes, family: 'gpt-neox', sequenceLength: 1024 }, 1],
  ];
  it.each(cases)(
    '%s: operations within half a percent, state exactly, activations within a quarter',
    (_, decoder, batch) => {
      const config = vlmConfig({ decoder });
      const specs = vlmParams(config);
      const { operators, stateBytes, intermediateBytes } = explain({
        params: specs,
        variants: { text: vlmBatch(config, { batch, patches: 0 }) },
        loss: vlmLoss(config),
        optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
      });
      const tokens = batch * config.decoder.sequenceLength;
      const products = operators.reduce(
        (sum, { op, flops }) => sum + (/MatMul|Gemm|Attention/.test(op) ? flops : 0),
        0,
      );
      const { total, executed } = decoderFlops(config.decoder);
      expect(products).toBeGreaterThan(total * tokens);
      expect(Math.abs(products / (executed * tokens) - 1)).toBeLessThan(0.005);

      const planned = trainingMemory(config.decoder, batch);
      expect(planned.parameters).toBe(4 * countParameters(specs));
      expect(stateBytes / (planned.total - planned.activations)).toBeCloseTo(1, 2);
      expect(Math.abs(intermediateBytes / planned.activations - 1)).toBeLessThan(0.25);
    },
  );
});

it('activations grow with the batch', () => {
  const config = decoderSize('79m');
  const [one, two] = [trainingMemory(config, 1), trainingMemory(config, 2)];
  const head = 4 * config.vocabSize * config.dim;
  expect(one.parameters).toBe(4 * 78_922_240);
  expect(one.total).toBe(4 * one.parameters + one.activations);
  expect((two.activations - head) / (one.activations - head)).toBeCloseTo(2, 10);
});
