/**
 * Compares an engine with numbers that OpenLM's own code gave: logits, loss, gradients, and weights after some AdamW steps.
 *
 * A reference file is a safetensors file with `tokens` and `labels` (int32 [B, T]; a negative label carries no loss), `weights.*`, `grads.*`,
 * `after.*` and `logits`, whose metadata holds the settings of model and optimizer.
 */
import type { Engine, NamedArrays, TrainStepDefinition } from '@vlm/jit';
import { decoderLogits } from './decoder.ts';
import { ModelError } from './model-error.ts';
import type { ParameterArrays } from './parameters.ts';
import { relativeError } from './relative-error.ts';
import { readSafetensors, type SafetensorsTensor } from './safetensors.ts';
import { type VlmConfig, vlmBatch, vlmConfig, vlmLoss, vlmParams } from './vlm.ts';

/** Errors are relative to the largest number of a tensor, but for weights, where they are absolute. */
export interface OpenLmGoldenReport {
  logits: number;
  /** Of the worst step. */
  loss: number;
  /** Of the worst step, before clipping. */
  gradNorm: number;
  gradients: { worst: number; name: string; tensors: number };
  /**
   * Weights after the last step. Adam divides a gradient by its own size, so that a gradient which is all rounding moves its weight by
   * any part of the learning rate: the reference itself, run in float32 and in float64, differs there. `worst` is over weights whose
   * gradient is at least 1e-5 (the accuracy to which gradients are held) of the largest of its tensor, `worstOfAll` over all of them.
   */
  weights: {
    worst: number;
    worstOfAll: number;
    name: string;
    count: number;
    beyond1e5: number;
    steps: number;
    lr: number;
  };
}

/**
 * @param bytes a reference file
 * @throws ModelError INVALID_SAFETENSORS, MISSING_PARAMETER or INVALID_CONFIG where the file is not one
 * @example const { logits } = await checkOpenLmGolden(await readFile('openlm-tiny.safetensors'), onnxEngine());
 */
export async function checkOpenLmGolden(bytes: Uint8Array, engine: Engine): Promise<OpenLmGoldenReport> {
  const golden = readGolden(bytes);
  const { config, weights, batch, number } = golden;
  const specs = vlmParams(config);
  const variant = vlmBatch(config, { batch: number('batch'), patches: 0 });

  const constants = Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => [name, { spec: { shape, dtype }, data: weights[name]! }]),
  );
  const forward = await engine.compileForward(
    (params, { tokens_BT }) => ({ logits: decoderLogits(config.decoder, params, tokens_BT!) }),
    { constants, inputs: { tokens_BT: variant['tokens_BT']! } },
  );
  const { logits } = await forward.run({ tokens_BT: batch['tokens_BT']! });
  await forward.dispose();

  const step = await engine.compileTrainStep({
    params: specs,
    variants: { text: variant },
    loss: vlmLoss(config),
    optimizer: golden.optimizer,
  });
  try {
    const zeros = () =>
      Object.fromEntries(Object.entries(weights).map(([name, data]) => [name, new Float32Array(data.length)]));
    await step.setState({ params: weights, m: zeros(), v: zeros(), step: 0 });
    const { gradients } = await step.gradients('text', batch);
    const errors = Object.entries(golden.gradients).map(([name, expected]) => ({
      name,
      error: relativeError(gradients[name] ?? [], expected),
    }));
    const worst = errors.reduce((a, b) => (b.error > a.error ? b : a));
    const report: OpenLmGoldenReport = {
      logits: relativeError(logits!, golden.logits),
      loss: 0,
      gradNorm: 0,
      gradients: { worst: worst.error, name: worst.name, tensors: errors.length },
      weights: { worst: 0, worstOfAll: 0, name: '', count: 0, beyond1e5: 0, steps: number('steps'), lr: number('lr') },
    };
    for (let i = 0; i < number('steps'); i++) {
      const { loss, gradNorm } = await step.run('text', batch, { lr: number('lr') });
      report.loss = Math.max(report.loss, Math.abs(loss / golden.losses[i]! - 1));
      report.gradNorm = Math.max(report.gradNorm, Math.abs(gradNorm / golden.gradNorms[i]! - 1));
    }
    compareWeights((await step.getState()).params, golden, report.weights);
    return report;
  } finally {
    await step.dispose();
  }
}

function compareWeights(params: ParameterArrays, golden: Golden, report: OpenLmGoldenReport['weights']): void {
  for (const [name, expected] of Object.entries(golden.after)) {
    const gradient = golden.gradients[name]!;
    const floor = 1e-5 * gradient.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
    expected.forEach((weight, i) => {
      const difference = Math.abs(weight - params[name]![i]!);
      const error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      report.count++;
      if (error > 1e-5) report.beyond1e5++;
      if (error > report.worstOfAll) Object.assign(report, { worstOfAll: error, name });
      if (Math.abs(gradient[i]!) >= floor) report.worst = Math.max(report.worst, error);
    });
  }
}

interface Golden {
  config: VlmConfig;
  optimizer: TrainStepDefinition['optimizer'];
  number(key: string): number;
  batch: NamedArrays;
  logits: Float32Array;
  weights: ParameterArrays;
  gradients: ParameterArrays;
  after: ParameterArrays;
  losses: number[];
  gradNorms: number[];
}

function readGolden(bytes: Uint8Array): Golden {
  const { tensors, metadata } = readSafetensors(bytes);
  const setting = (key: string): string => metadata[key] ?? lacks(`the setting "${key}" in its metadata`);
  const number = (key: string): number => {
    const value = Number(setting(key));
    return Number.isFinite(value) ? value : lacks(`a number as "${key}" in its metadata`);
  };
  const array = <T extends SafetensorsTensor['data']>(name: string): T =>
    (tensors.get(name)?.data ?? lacks(`the tensor "${name}"`)) as T;
  const config = vlmConfig({
    decoder: {
      dim: number('dim'),
      layers: number('n_layers'),
      heads: number('n_heads'),
      vocabSize: number('vocab_size'),
      sequenceLength: number('seq_len'),
      rotaryBase: number('rotary_base'),
      qkNorm: setting('qk_norm') === 'True',
    },
    zLoss: number('z_loss'),
    zLossOver: 'all',
  });
  const names = Object.keys(vlmParams(config));
  const group = (prefix: string): ParameterArrays =>
    Object.fromEntries(names.map((name) => [name, array<Float32Array>(`${prefix}.${name}`)]));
  const labels = array<Int32Array>('labels');
  const [beta1, beta2] = setting('betas').split(',').map(Number) as [number, number];
  return {
    config,
    optimizer: {
      beta1,
      beta2,
      epsilon: number('eps'),
      weightDecay: number('weight_decay'),
      clipNorm: number('grad_clip'),
    },
    number,
    batch: {
      tokens_BT: array<Int32Array>('tokens'),
      targets_BT: labels.map((label) => Math.max(label, 0)),
      weights_BT: Float32Array.from(labels, (label) => Number(label >= 0)),
    },
    logits: array<Float32Array>('logits'),
    weights: group('weights'),
    gradients: group('grads'),
    after: group('after'),
    losses: JSON.parse(setting('step_losses')) as number[],
    gradNorms: JSON.parse(setting('step_grad_norms')) as number[],
  };
}

function lacks(what: string): never {
  throw new ModelError('MISSING_PARAMETER', `Not a reference file of OpenLM: expected ${what}.`);
}
