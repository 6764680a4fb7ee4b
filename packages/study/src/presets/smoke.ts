import type { Recipe } from '../recipe.ts';
import { quick } from './quick.ts';

/** The whole study in seconds: for tests and for looking at how a store is laid out. Its scores mean nothing. */
export const smoke: Recipe = {
  ...quick,
  name: 'smoke',
  description: 'Two branch points of a run far too short to learn anything: it shows that every part works.',
  corpus: { preset: 'smoke' },
  tokenizer: { vocabSize: 512, maxTrainBytes: 200_000 },
  encoder: { ...quick.encoder, channels: [8, 8, 16, 16], steps: 12, batchSize: 16 },
  model: { ...quick.model, dim: 32, layers: 2, heads: 2, hidden: 64, sequenceLength: 64 },
  main: { ...quick.main, tokens: 8192, batchSize: 8, warmupSteps: 2 },
  branch: { ...quick.branch, tokens: 8192, batchSize: 8, rewarmSteps: 2 },
  arms: [
    { id: 'branch-0', branchPoint: 0, schedule: 'rewarm' },
    { id: 'branch-50', branchPoint: 0.5, schedule: 'continued' },
  ],
  finetune: { ...quick.finetune, epochs: 1, conversations: 48, batchSize: 8 },
  evaluate: { batchSize: 16, bootstrapSamples: 200, sampleItems: 4 },
};
