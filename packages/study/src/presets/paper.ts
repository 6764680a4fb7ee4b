import type { Recipe } from '../recipe.ts';
import { quick } from './quick.ts';

/**
 * The paper's own settings (Table 2; learning rates and lengths from its run names). Planned and costed by `staged-vlm study plan`;
 * they need shards of DCLM, DataComp-DR and LLaVA and a cluster to run.
 */
const paper: Omit<Recipe, 'name' | 'description' | 'model' | 'main' | 'branch'> = {
  ...quick,
  threads: 1,
  corpus: { preset: 'standard' },
  data: { ...quick.data, reshuffle: true },
  tokenizer: { vocabSize: 50_432, maxTrainBytes: 100_000_000 },
  projector: { kind: 'fused-gelu-mlp' },
  optimizer: { ...quick.optimizer, zLoss: 1e-4 },
  finetune: {
    epochs: 4,
    batchSize: 128,
    lrPeak: 2e-5,
    lrMin: 0,
    warmupShare: 0.03,
    weightDecay: 0.1,
    attention: 'whole-row',
  },
};

export const paper79m: Recipe = {
  ...paper,
  name: 'paper-79m',
  description: 'The paper’s 79M model: 237B text tokens, M = 150.',
  model: { dim: 512, layers: 8, heads: 4, sequenceLength: 2048, qkNorm: true, tiedHead: false },
  main: { tokens: 236_742_144_000, batchSize: 512, lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 400 },
  branch: {
    tokens: 1_578_280_960,
    batchSize: 256,
    imageShare: 0.1,
    rewarmPeak: 3e-3,
    rewarmSteps: 400,
    lrMin: 3e-5,
    moments: 'carried',
    attention: 'whole-row',
  },
};

export const paper1b: Recipe = {
  ...paper,
  name: 'paper-1b',
  description: 'The paper’s 1.4B model: 4.3T text tokens, M = 150.',
  model: { dim: 2048, layers: 24, heads: 16, sequenceLength: 2048, qkNorm: true, tiedHead: false },
  main: { tokens: 4_319_385_600_000, batchSize: 256, lrPeak: 1e-2, lrMin: 3e-5, warmupSteps: 5000 },
  branch: {
    tokens: 28_795_904_000,
    batchSize: 256,
    imageShare: 0.1,
    rewarmPeak: 3e-3,
    rewarmSteps: 5000,
    lrMin: 3e-5,
    moments: 'carried',
    attention: 'whole-row',
  },
};
