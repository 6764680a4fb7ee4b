import { performance } from 'node:perf_hooks';
import { explain, onnxEngine, type TrainStepDefinition } from '@vlm/jit';
import {
  countParameters,
  createRandom,
  type DecoderSize,
  decoderFlops,
  decoderSize,
  initParameters,
  trainingMemory,
  vlmBatch,
  vlmConfig,
  vlmLoss,
  vlmParams,
} from '@vlm/model';

interface ShapeOptions {
  size: DecoderSize;
  layers: string;
  length: string;
  rows: string;
  steps: string;
}

/** A published size at reduced depth: what the planner says, what the compiled graph says, what a few steps of text take. */
export async function shapeBenchmark(options: ShapeOptions): Promise<void> {
  const [layers, length, rows, steps] = [options.layers, options.length, options.rows, options.steps].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const config = vlmConfig({
    decoder: decoderSize(options.size, { layers, sequenceLength: length }),
    zLoss: 1e-4,
  });
  const specs = vlmParams(config);
  const tokens = rows * length;
  const definition: TrainStepDefinition = {
    params: specs,
    variants: { text: vlmBatch(config, { batch: rows, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.033, clipNorm: 1 },
  };
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  const teraflops = (flops: number) => `${(flops / 1e12).toFixed(3)} TFLOP`;
  console.log(
    `${options.size}'s shape with ${layers} layers: ${(countParameters(specs) / 1e6).toFixed(1)}M parameters, ${rows} × ${length} tokens a step`,
  );

  const planned = trainingMemory(config.decoder, rows);
  const { total, executed } = decoderFlops(config.decoder);
  const graph = explain(definition);
  const products = graph.operators.reduce(
    (sum, { op, flops }) => sum + (/MatMul|Gemm|Attention/.test(op) ? flops : 0),
    0,
  );
  console.log(
    `products     planned ${teraflops(total * tokens)}, with hidden scores ${teraflops(executed * tokens)}; graph ${teraflops(products)} (${teraflops(graph.flops)} with everything else)`,
  );
  console.log(
    `state        planned ${gigabytes(planned.total - planned.activations)}; graph ${gigabytes(graph.stateBytes)}`,
  );
  console.log(`activations  planned ${gigabytes(planned.activations)}; graph ${gigabytes(graph.intermediateBytes)}`);

  const before = process.memoryUsage.rss();
  const step = await onnxEngine({ worker: false }).compileTrainStep(definition);
  const zeros = () =>
    Object.fromEntries(
      Object.entries(specs).map(([name, { shape }]) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
    );
  await step.setState({ params: initParameters(specs, 1), m: zeros(), v: zeros(), step: 0 });
  const random = createRandom(1);
  const tokens_BT = Int32Array.from({ length: tokens }, () => random.integer(50_277));
  const batch = {
    tokens_BT,
    targets_BT: tokens_BT.map((id) => (id + 1) % 50_277),
    weights_BT: new Float32Array(tokens).fill(1),
  };
  const seconds: number[] = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    const { loss, gradNorm } = await step.run('text', batch, { lr: 1e-3 });
    seconds.push((performance.now() - start) / 1000);
    console.log(
      `step ${i + 1}       ${seconds.at(-1)!.toFixed(1)} s, loss ${loss.toFixed(3)}, gradient norm ${gradNorm.toFixed(2)}`,
    );
  }
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(
    `memory       planned ${gigabytes(planned.total)}; graph ${gigabytes(graph.peakBytes)}; peak of the process ${gigabytes(peak)}, of which ${gigabytes(before)} before the step was compiled`,
  );
  const fastest = Math.min(...seconds.slice(1));
  console.log(
    `speed        ${(products / fastest / 1e9).toFixed(0)} GFLOP/s, ${(tokens / fastest).toFixed(0)} tokens/s`,
  );
  await step.dispose();
}
