import type { Engine } from '@vlm/jit';
import { initParameters, vlmConfig, vlmLoss, vlmParams } from '@vlm/model';
import {
  arraySource,
  beginRun,
  createBatches,
  createCheckpointStore,
  learningRate,
  namedSource,
  repeatSource,
  resumeRun,
  type Schedule,
  type TrainingItem,
  variantSignatures,
} from '@vlm/trainer';

/** Trains a small language model and returns the losses of this call; call it again, and it goes on where it stopped. */
export async function customLoop(
  engine: Engine,
  items: TrainingItem[],
  directory: string,
  steps: number,
): Promise<number[]> {
  const shape = { batch: 2, length: 16, features: 0, sizes: [0] };
  const config = vlmConfig({ decoder: { dim: 16, layers: 1, heads: 2, vocabSize: 64, sequenceLength: 16 } });
  const params = vlmParams(config);
  const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };
  const step = await engine.compileTrainStep({
    params,
    variants: variantSignatures(shape),
    loss: vlmLoss(config),
    optimizer,
  });

  const schedule: Schedule = { kind: 'cosine', lrPeak: 1e-2, lrMin: 1e-4, warmupSteps: 5, totalSteps: 100 };
  const store = createCheckpointStore({ directory, params });
  const checkpoint = await store.latest();
  const start = checkpoint
    ? resumeRun(checkpoint)
    : beginRun({ run: 'custom', schedule, numerics: engine.name, params: initParameters(params, 124) });
  await step.setState(start.train);
  let { state } = start;

  const open = namedSource('text', repeatSource(arraySource(items), 100));
  const batches = await createBatches({ ...shape, open, packing: 'chunks', padToken: 63, state: state.data });
  const losses: number[] = [];
  while (state.step < steps) {
    const { done, value } = await batches.next();
    if (done) break;
    const lr = learningRate(schedule, state.step);
    const { loss } = await step.run(value.variant, value.inputs, { lr });
    losses.push(loss);
    state = { ...state, step: state.step + 1, tokens: state.tokens + value.tokens, data: batches.state() };
    if (state.step % 5 === 0) await store.save({ train: await step.getState(), state });
  }
  await step.dispose();
  return losses;
}
