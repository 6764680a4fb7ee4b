import { describe, expect, it } from 'vitest';
import { initParameters } from './init.ts';
import { project } from './projector.ts';
import { createRandom } from './random.ts';
import { relativeError } from './relative-error.ts';
import { bind, engines, zeros } from './testing/engines.ts';
import { inputEmbeddings, type VlmOptions, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

const options: VlmOptions = {
  decoder: { dim: 16, layers: 2, heads: 2, vocabSize: 23, sequenceLength: 8 },
  projector: { kind: 'fused-gelu-mlp', featureWidth: 3 },
};
const config = vlmConfig(options);
const specs = vlmParams(config);
const params = initParameters(specs, 1);
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

const random = createRandom('batch');
const ids = (n: number) => Int32Array.from({ length: n }, () => random.integer(23));
const text = { tokens_BT: ids(16), targets_BT: ids(16), weights_BT: new Float32Array(16).fill(1).fill(0, 5, 8) };
const vision = {
  ...text,
  slots_BT: Int32Array.of(0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0), // row 5 of the table is padding
  patches_NF: Float32Array.from({ length: 15 }, () => random.normal()),
};
const variants = {
  text: vlmBatch(config, { batch: 2, patches: 0 }),
  vision: vlmBatch(config, { batch: 2, patches: 5 }),
};

describe.each(engines)('on %s', (_, open) => {
  const compile = async (config = vlmConfig(options)) => {
    const step = await open().compileTrainStep({ params: specs, variants, loss: vlmLoss(config), optimizer });
    await step.setState({ params, m: zeros(params), v: zeros(params), step: 0 });
    return step;
  };

  it('with items, positions of one item do not see another that shares their row', async () => {
    // One row of two items of four positions against two rows of one item each, padded behind: the same losses and gradients.
    const length = 8;
    const tokens = ids(8);
    const targets = ids(8);
    const items = { batch: 1, patches: 0, items: true, length };
    const alone = { batch: 2, patches: 0, length };
    const half = (from: number, values: Int32Array) => [...values.slice(from, from + 4), 0, 0, 0, 0];
    const gradients = async (
      signature: ReturnType<typeof vlmBatch>,
      batch: Record<string, Int32Array | Float32Array>,
    ) => {
      const step = await open().compileTrainStep({
        params: specs,
        variants: { v: signature },
        loss: vlmLoss(config),
        optimizer,
      });
      await step.setState({ params, m: zeros(params), v: zeros(params), step: 0 });
      const result = await step.gradients('v', batch);
      await step.dispose();
      return result;
    };
    const together = await gradients(vlmBatch(config, items), {
      tokens_BT: tokens,
      targets_BT: targets,
      weights_BT: new Float32Array(8).fill(1),
      items_BT: Int32Array.of(1, 1, 1, 1, 2, 2, 2, 2),
    });
    const apart = await gradients(vlmBatch(config, alone), {
      tokens_BT: Int32Array.from([...half(0, tokens), ...half(4, tokens)]),
      targets_BT: Int32Array.from([...half(0, targets), ...half(4, targets)]),
      weights_BT: Float32Array.from([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]),
    });
    expect(together.loss).toBeCloseTo(apart.loss, 5);
    for (const [name, expected] of Object.entries(apart.gradients))
      expect(relativeError(together.gradients[name]!, expected), name).toBeLessThan(1e-4);
  });

  it('puts projected patches where slots say, and tokens everywhere else', async () => {
    const forward = await open().compileForward(
      (constants, { tokens_BT, slots_BT, patches_NF }) => ({
        x: inputEmbeddings(config, constants, tokens_BT!, slots_BT!, patches_NF!),
        projected: project(config.projector!, constants, patches_NF!),
      }),
      {
        constants: bind(specs, params),
        inputs: {
          tokens_BT: variants.vision['tokens_BT']!,
          slots_BT: variants.vision['slots_BT']!,
          patches_NF: variants.vision['patches_NF']!,
        },
      },
    );
    const { x, projected } = await forward.run({
      tokens_BT: vision.tokens_BT,
      slots_BT: vision.slots_BT,
      patches_NF: vision.patches_NF,
    });
    vision.slots_BT.forEach((slot, position) => {
      const [table, row] =
        slot > 0 ? [projected!, slot - 1] : [params['tok_embeddings.weight']!, vision.tokens_BT[position]!];
      const want = table.slice(row * 16, (row + 1) * 16);
      expect(x!.slice(position * 16, (position + 1) * 16), `position ${position}`).toEqual(want);
    });
    await forward.dispose();
  });

  it('learns through patches: gradients agree with finite differences, padding and covered tokens get none', async () => {
    const step = await compile();
    const { loss, gradients } = await step.gradients('vision', vision);
    const covered = { ...vision, tokens_BT: vision.tokens_BT.map((id, i) => (vision.slots_BT[i]! > 0 ? 22 - id : id)) };
    expect((await step.gradients('vision', covered)).loss).toBe(loss);
    const padded = { ...vision, patches_NF: vision.patches_NF.map((x, i) => (i >= 12 ? 9 : x)) };
    expect((await step.gradients('vision', padded)).gradients['projector.0.weight']).toEqual(
      gradients['projector.0.weight'],
    );

    for (const name of ['projector.0.weight', 'projector.2.bias', 'projector.4.weight', 'tok_embeddings.weight']) {
      const gradient = gradients[name]!;
      const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0);
      const lossAt = async (shift: number) => {
        const moved = { ...params, [name]: params[name]!.map((w, i) => (i === at ? w + shift : w)) };
        await step.setState({ params: moved, m: zeros(params), v: zeros(params), step: 0 });
        return (await step.gradients('vision', vision)).loss;
      };
      const slope = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02;
      expect(Math.abs(slope / gradient[at]! - 1), name).toBeLessThan(0.02);
    }
    await step.dispose();
  });

  it('gives the projector a zero gradient in a batch of text alone, and weight decay all the same', async () => {
    const step = await compile();
    const { gradients } = await step.gradients('text', text);
    expect(gradients['projector.4.weight']!.every((g) => g === 0)).toBe(true);
    expect(gradients['norm.weight']!.some((g) => g !== 0)).toBe(true);
    await step.run('text', text, { lr: 0.5 });
    const after = (await step.getState()).params['projector.4.weight']!;
    expect(
      relativeError(
        after,
        params['projector.4.weight']!.map((w) => w * 0.95),
      ),
    ).toBeLessThan(1e-6);
    await step.dispose();
  });

  it('averages the z-loss over positions with loss, or over all', async () => {
    const losses: Record<string, number> = {};
    for (const zLossOver of ['weighted', 'all'] as const) {
      const step = await compile(vlmConfig({ ...options, zLoss: 0.1, zLossOver }));
      losses[zLossOver] = (await step.gradients('text', text)).loss;
      losses[`${zLossOver}, nothing to learn`] = (
        await step.gradients('text', { ...text, weights_BT: new Float32Array(16) })
      ).loss;
      await step.dispose();
    }
    const step = await compile();
    const { loss } = await step.gradients('text', text);
    await step.dispose();
    expect(losses['weighted']).toBeGreaterThan(loss);
    expect(losses['all']).toBeGreaterThan(loss);
    expect(losses['all']).not.toBe(losses['weighted']);
    expect(losses['weighted, nothing to learn']).toBe(0);
    expect(losses['all, nothing to learn']).toBeCloseTo(losses['all']! - loss, 4);
  });
});

describe('batches that show half a picture', () => {
  it.each(engines)('patches without slots, or slots without patches, are refused on %s', async (_, open) => {
    const { slots_BT: slots, patches_NF: patches, ...words } = variants.vision;
    const half = { 'no slots': { ...words, patches_NF: patches! }, 'no patches': { ...words, slots_BT: slots! } };
    const step = await open().compileTrainStep({ params: specs, variants: half, loss: vlmLoss(config), optimizer });
    await step.setState({ params, m: zeros(params), v: zeros(params), step: 0 });
    const { slots_BT, patches_NF } = vision;
    await expect(step.gradients('no slots', { ...text, patches_NF })).rejects.toThrow(
      /expected slots_BT beside patches/,
    );
    await expect(step.gradients('no patches', { ...text, slots_BT })).rejects.toThrow(/expected patches_NF or images/);
    await step.dispose();
  });
});

describe('bad configurations', () => {
  it.each<[string, object, RegExp]>([
    ['a misspelt field', { ...options, zloss: 1 }, /vlm: unknown field "zloss"; did you mean "zLoss"/],
    [
      'a projector of another width',
      { ...options, projector: { kind: 'linear', featureWidth: 3, dim: 8 } },
      /dim 16, got 8/,
    ],
    [
      'an unknown projector',
      { ...options, projector: { kind: 'mlp', featureWidth: 3 } },
      /"fused-gelu-mlp", got "mlp"/,
    ],
    ['a negative coefficient', { ...options, zLoss: -1 }, /zLoss: expected a number ≥ 0, got -1/],
  ])('%s', (_, bad, message) => {
    expect(() => vlmConfig(bad as VlmOptions)).toThrow(message);
  });

  it('patches without a projector', () => {
    expect(() => vlmBatch(vlmConfig({ decoder: options.decoder }), { batch: 1, patches: 4 })).toThrow(/no projector/);
  });
});
