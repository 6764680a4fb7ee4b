import type { Recipe } from '../recipe.ts';
import { quick } from './quick.ts';

/** A night on a laptop: a larger model, ten times the text, three seeds. */
export const standard: Recipe = {
  ...quick,
  name: 'standard',
  description: 'Six branch points of a text run of ten million tokens, three seeds.',
  seeds: [124, 7, 365],
  corpus: { preset: 'standard' },
  tokenizer: { vocabSize: 8192, maxTrainBytes: 20_000_000 },
  encoder: { ...quick.encoder, steps: 8000 },
  model: { dim: 192, layers: 6, heads: 6, sequenceLength: 256, qkNorm: true, tiedHead: false },
  main: { tokens: 10_000_000, batchSize: 16, lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 100 },
  branch: { ...quick.branch, tokens: 3_000_000, rewarmPeak: 3e-3, rewarmSteps: 60 },
  finetune: { ...quick.finetune, epochs: 2, lrPeak: 1e-3 },
};
