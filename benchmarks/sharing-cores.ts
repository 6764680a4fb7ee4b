import { fork } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { onnxEngine } from '@vlm/jit';
import { createRandom, initParameters, vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';

/** How fast trainings run that share the machine's cores: one alone, and two at once, by threads of each. */
export async function sharingCoresBenchmark(): Promise<void> {
  console.log('processes   threads each   step of each (median)   steps/s in all');
  for (const [processes, threads] of [
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ] as const) {
    const medians = await Promise.all(Array.from({ length: processes }, () => inProcess(threads)));
    const all = medians.reduce((sum, ms) => sum + 1000 / ms, 0);
    console.log(
      [
        String(processes).padStart(9),
        String(threads).padStart(14),
        medians
          .map((ms) => `${ms.toFixed(0)} ms`)
          .join(', ')
          .padStart(23),
        all.toFixed(2).padStart(16),
      ].join(' '),
    );
  }
}

const inProcess = (threads: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [String(threads)], { execArgv: process.execArgv });
    child.once('message', (median) => resolve(Number(median)));
    child.once('error', reject);
  });

/** Trains for a while; the median of the steps that come after the others have surely started. */
async function train(threads: number): Promise<number> {
  const config = vlmConfig({
    decoder: { dim: 192, layers: 4, heads: 4, vocabSize: 2048, sequenceLength: 128, qkNorm: false },
  });
  const params = vlmParams(config);
  const weights = initParameters(params, 1);
  const zeros = (): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(weights).map(([name, { length }]) => [name, new Float32Array(length)]));
  const random = createRandom(1);
  const batch = 8;
  const ids = (): Int32Array => Int32Array.from({ length: batch * 128 }, () => Math.floor(random.uniform() * 2048));
  const arrays = { tokens_BT: ids(), targets_BT: ids(), weights_BT: new Float32Array(batch * 128).fill(1) };
  const step = await onnxEngine({ threads, worker: false }).compileTrainStep({
    params,
    variants: { text: vlmBatch(config, { batch, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  });
  await step.setState({ params: weights, m: zeros(), v: zeros(), step: 0 });
  const times: number[] = [];
  const endMs = performance.now() + 8000;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    await step.run('text', arrays, { lr: 1e-3 });
    if (endMs - performance.now() < 6000) times.push(performance.now() - startMs);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.send(await train(Number(process.argv[2])));
  process.exit();
}
