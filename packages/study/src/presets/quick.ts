import type { Recipe } from '../recipe.ts';
import { paperArm } from '../sweeps/sweep.ts';
import { branchPoints } from '../sweeps/timing.ts';

/** What `npm start` runs: the whole study in minutes on two cores, on the default corpus. */
export const quick: Recipe = {
  version: 1,
  name: 'quick',
  description: 'Six branch points of a small text run, images from the default corpus.',
  seeds: [124],
  threads: 1,
  corpus: { preset: 'quick' },
  data: { brokenImages: 'error', brokenShards: 'error' },
  tokenizer: { vocabSize: 2048, maxTrainBytes: 4_000_000 },
  encoder: { kind: 'cnn', channels: [48, 96, 128], steps: 2000, batchSize: 32, lrPeak: 6e-3, weightDecay: 0.05 },
  model: { dim: 96, layers: 3, heads: 3, sequenceLength: 128, qkNorm: false, tiedHead: false },
  projector: { kind: 'linear' },
  optimizer: {
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0.033,
    decays: 'all',
    clipNorm: 1,
    zLoss: 1e-4,
    zLossOver: 'weighted',
  },
  main: { tokens: 1_000_000, batchSize: 16, lrPeak: 5e-3, lrMin: 3e-5, warmupSteps: 25 },
  branch: {
    tokens: 400_000,
    batchSize: 8,
    imageShare: 0.85,
    rewarmPeak: 5e-3,
    rewarmSteps: 20,
    lrMin: 3e-5,
    moments: 'carried',
    attention: 'within-item',
  },
  arms: branchPoints.map(paperArm),
  finetune: {
    epochs: 1,
    batchSize: 8,
    lrPeak: 2e-3,
    lrMin: 0,
    warmupShare: 0.03,
    weightDecay: 0.1,
    attention: 'within-item',
  },
  evaluate: { batchSize: 64, bootstrapSamples: 10_000, sampleItems: 12 },
};
