import type { Recipe } from '../recipe.ts';
import { quick } from './quick.ts';

/** Questions of a task: enough for an interval of ± 4 points, few enough that all models are asked within two hours. */
const questions = 500;
const everyTask = {
  openVqa: questions,
  existence: questions,
  grounding: questions,
  captioning: questions / 2,
  relations: questions,
  reading: questions,
  counting: questions,
  clutteredGrounding: questions,
};

/** A night on a laptop: a larger model, ten times the text, three seeds; planned at under ten hours on two cores. */
export const standard: Recipe = {
  ...quick,
  name: 'standard',
  description: 'Six branch points of a text run of ten million tokens, three seeds.',
  seeds: [124, 7, 365],
  corpus: {
    preset: 'standard',
    evals: {
      newScene: everyTask,
      newVendor: everyTask,
      newConcept: { openVqa: questions, relations: questions, reading: questions, clutteredGrounding: questions },
    },
  },
  tokenizer: { vocabSize: 8192, maxTrainBytes: 20_000_000 },
  encoder: { ...quick.encoder, steps: 8000 },
  model: { dim: 192, layers: 6, heads: 6, sequenceLength: 256, qkNorm: true, tiedHead: false },
  main: { tokens: 10_000_000, batchSize: 16, lrPeak: 3e-3, lrMin: 3e-5, warmupSteps: 100 },
  branch: { ...quick.branch, tokens: 2_000_000, rewarmPeak: 3e-3, rewarmSteps: 40 },
  finetune: { ...quick.finetune, epochs: 1, lrPeak: 1e-3 },
};
