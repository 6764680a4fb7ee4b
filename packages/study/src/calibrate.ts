import { cpus, hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import { onnxEngine } from '@vlm/jit';
import { createRandom, decoderFlops, initParameters, vlmBatch, vlmLoss, vlmParams } from '@vlm/model';
import { beginRun } from '@vlm/trainer';
import { identityOf } from './identity.ts';
import { textModelConfig } from './model-config.ts';
import { numericsName } from './numerics.ts';
import type { Recipe } from './recipe.ts';
import type { Store } from './store.ts';

const timedSteps = 3;
const ratesFile = 'calibration.json';

/** This machine, the arithmetic and the step that was timed. */
function calibrationKey({ model, main, tokenizer, threads }: Recipe): string {
  const step = identityOf({ model, batchSize: main.batchSize, vocabSize: tokenizer.vocabSize });
  return `${hostname()} / ${cpus()[0]?.model.trim() ?? 'unknown'} / ${numericsName(threads)} / ${step}`;
}

/**
 * Times a few training steps of the recipe's text model at its batch size on random tokens, and keeps the median rate in the store.
 *
 * @returns useful FLOP/s of one phase, as `decoderFlops` counts them
 */
export async function calibrate(recipe: Recipe, store: Store): Promise<number> {
  const { vocabSize } = recipe.tokenizer;
  const { batchSize, lrPeak } = recipe.main;
  const config = textModelConfig(recipe, vocabSize);
  const params = vlmParams(config);
  const tokens = batchSize * recipe.model.sequenceLength;
  const random = createRandom('calibration');
  const ids = (): Int32Array => Int32Array.from({ length: tokens }, () => Math.floor(random.uniform() * vocabSize));
  const step = await onnxEngine({ threads: recipe.threads, worker: true }).compileTrainStep({
    params,
    variants: { text: vlmBatch(config, { batch: batchSize, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
  });
  try {
    const schedule = { kind: 'cosine', lrPeak, lrMin: 0, warmupSteps: 0, totalSteps: timedSteps } as const;
    const run = { run: 'calibration', schedule, numerics: numericsName(recipe.threads) };
    await step.setState(beginRun({ ...run, params: initParameters(params, 1) }).train);
    const seconds: number[] = [];
    for (let i = 0; i <= timedSteps; i++) {
      const batch = { tokens_BT: ids(), targets_BT: ids(), weights_BT: new Float32Array(tokens).fill(1) };
      const startMs = performance.now();
      await step.run('text', batch, { lr: lrPeak });
      if (i > 0) seconds.push((performance.now() - startMs) / 1000); // the first step allocates
    }
    const median = seconds.sort((a, b) => a - b)[timedSteps >> 1]!;
    const rate = (tokens * decoderFlops(config.decoder).total) / median;
    const rates = { ...(await readRates(store)), [calibrationKey(recipe)]: rate };
    await store.writeShared(ratesFile, `${JSON.stringify(rates, null, 2)}\n`);
    return rate;
  } finally {
    await step.dispose();
  }
}

/** The rate that `calibrate` measured for this recipe on this machine; undefined where it has not. */
export async function calibratedRate(recipe: Recipe, store: Store): Promise<number | undefined> {
  const rate = (await readRates(store))[calibrationKey(recipe)];
  return typeof rate === 'number' && rate > 0 ? rate : undefined;
}

/** Rates that cannot be read are as good as never measured: they only make a plan's times better. */
async function readRates(store: Store): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await store.readShared(ratesFile);
  try {
    return Object(JSON.parse(bytes ? Buffer.from(bytes).toString('utf8') : '{}')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
