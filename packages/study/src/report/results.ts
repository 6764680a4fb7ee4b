import type { Arm, Recipe } from '../recipe.ts';
import type { PhaseHardware } from '../store.ts';

/** What an answer was based on: the item's own picture, none, or another item's; or no model at all. */
export type Condition = 'image' | 'no-image' | 'wrong-image' | 'majority' | 'chance' | 'text';

/** One number of a study with everything needed to read it. This is also a row of `scores.csv`. */
export interface ScoreRow {
  suite: 'vision' | 'text';
  task: string;
  split: string;
  /** Question type, or `all`. */
  type: string;
  condition: Condition;
  /** `accuracy`, `cider-d`, `object-f1`, `bits-per-byte`, … */
  metric: string;
  value: number;
  /** 95 % interval; equal to value where there is nothing to vary (chance). */
  low: number;
  high: number;
  /** Items. */
  n: number;
}

/** Tokens of one training phase, planned against delivered. */
export interface TokenAccount {
  phase: string;
  source: string;
  plannedShare: number;
  plannedTokens: number;
  deliveredTokens: number;
  /** Tokens cut off items of this source that are longer than a row. */
  truncatedTokens: number;
  /** Token places of the phase, over all its sources, that nothing filled. */
  paddingTokens: number;
}

export interface CurvePoint {
  tokens: number;
  loss: number;
  lr: number;
}

/** One trained model: an arm at a seed, or the text model that no image ever touched. */
export interface ModelResult {
  id: string;
  label: string;
  arm?: Arm;
  seed: number;
  scores: ScoreRow[];
  /** Curves of phase 2 and 3, tokens counted from the phase's start. */
  curves: Partial<Record<'branch' | 'finetune', CurvePoint[]>>;
  accounts: TokenAccount[];
  /** Where phase 2 began, in tokens of the main run. */
  branchTokens?: number;
  parameters?: number;
}

export interface SampleAnswer {
  itemId: string;
  task: string;
  type: string;
  split: string;
  question: string;
  expected: string;
  /** PNG bytes in base64. */
  image: string;
  answers: { model: string; output: string; score: number }[];
}

/** Everything a report shows, as plain data (`results.json`). */
export interface StudyResults {
  version: 1;
  recipe: Recipe;
  recipeHash: string;
  models: ModelResult[];
  mainCurves: { seed: number; points: CurvePoint[] }[];
  comparisons: Comparison[];
  samples: SampleAnswer[];
  encoder: Record<string, unknown>;
  corpus: Record<string, unknown>;
  /** What was skipped under a policy of the recipe, by phase. */
  skipped: Record<string, number>;
  /** What each phase took, and the machine that finished it (records of earlier versions do not say). */
  phases: { id: string; hash: string; seconds: number; peakBytes: number; hardware?: PhaseHardware | undefined }[];
  versions: Record<string, string>;
  machine: { cpu: string; cores: number; memoryBytes: number; platform: string };
}

/** Two models on the same items. */
export interface Comparison {
  a: string;
  b: string;
  measure: string;
  difference: number;
  low: number;
  high: number;
  /** Adjusted for the number of comparisons (Holm). */
  pValue: number;
  verdict: string;
}
