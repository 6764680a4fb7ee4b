import { performance } from 'node:perf_hooks';
import {
  checkParity,
  type Device,
  type NamedArrays,
  onnxEngine,
  type TrainState,
  type TrainStepDefinition,
} from '@vlm/jit';
import { createRandom, initParameters, type VlmConfig, vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';

const seed = 1;
/** A graphics processor in software takes seconds for a step. */
const mostSpeedMs = 20_000;

/** Compares the gradients of a small vision-language model on the compiled engine with the reference, and times a step at quick's size. */
export async function checkDecoderParity(
  threads: number,
): Promise<{ worst: { name: string; relativeError: number }; gradients: number; tokensPerSecond: number }> {
  const small = exampleStep({ dim: 32, layers: 2, heads: 2, vocabSize: 96, sequenceLength: 24 }, 2, 16);
  const report = await checkParity(small.definition, small.state, small.batch, {
    engine: onnxEngine({ threads, worker: false }),
  });
  const quick = exampleStep({ dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 }, 16, 1024);
  return {
    worst: report.worst ?? { name: 'none', relativeError: Number.POSITIVE_INFINITY },
    gradients: Object.keys(report.gradients).length,
    tokensPerSecond: await measureSpeed(quick, threads, 16 * 128),
  };
}

/** What a device makes of the same step as the CPU. */
export interface DeviceParity {
  loss: { name: string; relativeError: number };
  /** Of every gradient, relative to its largest number, the worst first. */
  gradients: { name: string; relativeError: number }[];
  tokensPerSecond: number;
  cpuTokensPerSecond: number;
}

/** Compares loss and every gradient of a small vision-language model on a device with the CPU, and times both on four rows of quick's size. */
export async function checkDeviceParity(device: Device, threads: number): Promise<DeviceParity> {
  const small = exampleStep({ dim: 32, layers: 2, heads: 2, vocabSize: 96, sequenceLength: 24 }, 2, 16);
  const report = await checkParity(small.definition, small.state, small.batch, {
    engine: onnxEngine({ device, threads, worker: false, verify: false }),
    reference: onnxEngine({ threads, worker: false }),
  });
  const quick = exampleStep({ dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128 }, 4, 256);
  return {
    loss: { name: 'loss', relativeError: report.loss.relativeError },
    gradients: Object.entries(report.gradients)
      .map(([name, relativeError]) => ({ name, relativeError }))
      .sort((a, b) => b.relativeError - a.relativeError),
    tokensPerSecond: await measureSpeed(quick, threads, 4 * 128, device),
    cpuTokensPerSecond: await measureSpeed(quick, threads, 4 * 128),
  };
}

interface ExampleStep {
  definition: TrainStepDefinition;
  state: TrainState;
  batch: NamedArrays;
}

function exampleStep(
  decoder: { dim: number; layers: number; heads: number; vocabSize: number; sequenceLength: number },
  rows: number,
  patches: number,
): ExampleStep {
  const featureWidth = 24;
  const config: VlmConfig = vlmConfig({
    decoder: { ...decoder, qkNorm: true },
    projector: { kind: 'fused-gelu-mlp', featureWidth },
    zLoss: 1e-4,
  });
  const params = vlmParams(config);
  const weights = initParameters(params, seed);
  const zeros = (): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(weights).map(([name, { length }]) => [name, new Float32Array(length)]));
  return {
    definition: {
      params,
      variants: { patches: vlmBatch(config, { batch: rows, patches }) },
      loss: vlmLoss(config),
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
    },
    state: { params: weights, m: zeros(), v: zeros(), step: 0 },
    batch: exampleBatch(decoder, rows, patches, featureWidth),
  };
}

/** Random tokens, the first half of every row showing patches. */
function exampleBatch(
  decoder: { vocabSize: number; sequenceLength: number },
  rows: number,
  patches: number,
  featureWidth: number,
): NamedArrays {
  const random = createRandom(seed);
  const size = rows * decoder.sequenceLength;
  const ids = (): Int32Array =>
    Int32Array.from({ length: size }, () => Math.floor(random.uniform() * decoder.vocabSize));
  const perRow = Math.floor(patches / rows);
  return {
    tokens_BT: ids(),
    targets_BT: ids(),
    weights_BT: Float32Array.from({ length: size }, (_, i) => (i % decoder.sequenceLength < perRow ? 0 : 1)),
    slots_BT: Int32Array.from({ length: size }, (_, i) => {
      const position = i % decoder.sequenceLength;
      return position < perRow ? Math.floor(i / decoder.sequenceLength) * perRow + position + 1 : 0;
    }),
    patches_NF: Float32Array.from({ length: patches * featureWidth }, () => random.normal()),
  };
}

async function measureSpeed(
  { definition, state, batch }: ExampleStep,
  threads: number,
  tokens: number,
  device: Device = 'cpu',
): Promise<number> {
  const step = await onnxEngine({ device, threads, worker: false, verify: false }).compileTrainStep(definition);
  try {
    await step.setState(state);
    const seconds: number[] = [];
    const endMs = performance.now() + mostSpeedMs;
    // At least one beside the first, which compiles.
    for (let i = 0; i < 6 && (i < 2 || performance.now() < endMs); i++) {
      const startMs = performance.now();
      await step.run('patches', batch, { lr: 1e-3 });
      seconds.push((performance.now() - startMs) / 1000);
    }
    return tokens / Math.min(...seconds.slice(1));
  } finally {
    await step.dispose();
  }
}
