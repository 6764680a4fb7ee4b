import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { onnxEngine } from '@vlm/jit';
import { createRandom, decoderFlops, initParameters, vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';

/** Sizes: that of the preset `quick`, and S of the design (d 256, 4 layers, vocabulary 8192, T 256). */
const sizes = [
  { name: 'quick', dim: 96, layers: 3, heads: 3, vocabSize: 2048, sequenceLength: 128, batch: 16 },
  { name: 'S', dim: 256, layers: 4, heads: 4, vocabSize: 8192, sequenceLength: 256, batch: 16 },
] as const;
const steps = 7;

/** Time of a training step of the text decoder, AdamW and clipping included, by number of threads. */
export async function engineBenchmark(): Promise<void> {
  console.log('size    threads   step (median)   tokens/s   GFLOP/s   compile');
  for (const { name, batch, ...decoder } of sizes) {
    for (const threads of new Set([1, availableParallelism()])) {
      const { medianMs, compileMs } = await timeStep(decoder, batch, threads);
      const tokens = batch * decoder.sequenceLength;
      const flops = tokens * decoderFlops(vlmConfig({ decoder: { ...decoder, qkNorm: false } }).decoder).total;
      console.log(
        [
          name.padEnd(7),
          String(threads).padStart(7),
          `${medianMs.toFixed(0)} ms`.padStart(15),
          Math.round((1000 * tokens) / medianMs)
            .toLocaleString('en')
            .padStart(10),
          (flops / medianMs / 1e6).toFixed(1).padStart(9),
          `${(compileMs / 1000).toFixed(1)} s`.padStart(9),
        ].join(' '),
      );
    }
  }
}

async function timeStep(
  decoder: { dim: number; layers: number; heads: number; vocabSize: number; sequenceLength: number },
  batch: number,
  threads: number,
): Promise<{ medianMs: number; compileMs: number }> {
  const config = vlmConfig({ decoder: { ...decoder, qkNorm: false } });
  const params = vlmParams(config);
  const weights = initParameters(params, 1);
  const zeros = (): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(weights).map(([name, { length }]) => [name, new Float32Array(length)]));
  const random = createRandom(1);
  const size = batch * decoder.sequenceLength;
  const ids = (): Int32Array =>
    Int32Array.from({ length: size }, () => Math.floor(random.uniform() * decoder.vocabSize));
  const arrays = { tokens_BT: ids(), targets_BT: ids(), weights_BT: new Float32Array(size).fill(1) };
  const step = await onnxEngine({ threads, worker: false }).compileTrainStep({
    params,
    variants: { text: vlmBatch(config, { batch, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.033, clipNorm: 1 },
  });
  try {
    await step.setState({ params: weights, m: zeros(), v: zeros(), step: 0 });
    const timed = async (): Promise<number> => {
      const startMs = performance.now();
      await step.run('text', arrays, { lr: 1e-3 });
      return performance.now() - startMs;
    };
    const compileMs = await timed();
    const times: number[] = [];
    for (let i = 0; i < steps; i++) times.push(await timed());
    return { medianMs: times.sort((a, b) => a - b)[Math.floor(steps / 2)]!, compileMs };
  } finally {
    await step.dispose();
  }
}
