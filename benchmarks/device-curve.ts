import { type Device, onnxEngine } from '@vlm/jit';
import { createRandom, initParameters, vlmBatch, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';

const decoder = { dim: 64, layers: 2, heads: 2, vocabSize: 256, sequenceLength: 64 };
const [batch, steps, lr] = [4, 24, 3e-3];

/** Losses of a small decoder over the same batches on the CPU and on a device, as JSON: `{ steps, cpu, [device] }`. */
export async function deviceCurveBenchmark(device: Device): Promise<void> {
  const curves = { cpu: await lossCurve('cpu'), [device]: await lossCurve(device) };
  console.log(JSON.stringify({ decoder, batch, lr, steps, ...curves }));
}

async function lossCurve(device: Device): Promise<number[]> {
  const config = vlmConfig({ decoder: { ...decoder, qkNorm: true }, zLoss: 1e-4 });
  const params = vlmParams(config);
  const weights = initParameters(params, 1);
  const zeros = (): Record<string, Float32Array> =>
    Object.fromEntries(Object.entries(weights).map(([name, { length }]) => [name, new Float32Array(length)]));
  const step = await onnxEngine({ device }).compileTrainStep({
    params,
    variants: { text: vlmBatch(config, { batch, patches: 0 }) },
    loss: vlmLoss(config),
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.033, clipNorm: 1 },
  });
  const random = createRandom('curve');
  const size = batch * decoder.sequenceLength;
  const losses: number[] = [];
  try {
    await step.setState({ params: weights, m: zeros(), v: zeros(), step: 0 });
    for (let i = 0; i < steps; i++) {
      const tokens_BT = counting(random, size);
      const targets_BT = tokens_BT.map((token) => (token + 1) % decoder.vocabSize);
      const weights_BT = new Float32Array(size).fill(1);
      losses.push((await step.run('text', { tokens_BT, targets_BT, weights_BT }, { lr })).loss);
    }
  } finally {
    await step.dispose();
  }
  return losses;
}

/** Rows that count upwards from random starts among 32 ids: something to learn in a few steps. */
function counting(random: ReturnType<typeof createRandom>, size: number): Int32Array {
  let token = 0;
  return Int32Array.from({ length: size }, (_, i) => {
    token = i % decoder.sequenceLength === 0 ? random.integer(32) : (token + 1) % 32;
    return token;
  });
}
