import type { PlanTotal } from '../plan.ts';
import type { Arm, Recipe } from '../recipe.ts';
import type { PhaseHardware } from '../store.ts';
import type { SweepName } from '../sweeps/names.ts';

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
  answers: { arm: string; seed: number; output: string; score: number }[];
}

/** One number of an arm over all its seeds. */
export interface ArmScore extends ScoreRow {
  /** The value of every seed, in the order of the arm's `seeds`. */
  perSeed: number[];
}

/** An arm over all its seeds, or the text model (without `arm`): intervals vary seeds and items. */
export interface ArmResult {
  id: string;
  arm?: Arm;
  seeds: number[];
  scores: ArmScore[];
}

/** Everything a report shows, as plain data (`results.json`). */
export interface StudyResults {
  version: 2;
  recipe: Recipe;
  recipeHash: string;
  /** Arms over their seeds, in the recipe's order, and the text model last. */
  arms: ArmResult[];
  /** The same seed by seed. Their scores are those over all types of question. */
  models: ModelResult[];
  mainCurves: { seed: number; points: CurvePoint[] }[];
  comparisons: Comparison[];
  /** The comparison that the question is about, task by task, and what of it comes from looking. */
  byTask: Comparison[];
  controls: Comparison[];
  samples: SampleAnswer[];
  encoder: Record<string, unknown>;
  corpus: Record<string, unknown>;
  /** What was skipped under a policy of the recipe, by phase. */
  skipped: Record<string, number>;
  phases: {
    id: string;
    kind: string;
    hash: string;
    seconds: number;
    peakBytes: number;
    /** The machine that finished it; records of earlier versions do not say. */
    hardware?: PhaseHardware | undefined;
  }[];
  /** Phases that are not there: the report is of the others. */
  missing: string[];
  /** What the study took with its phases shared, and what every model trained by itself would have. */
  plan: { all: PlanTotal; naive: PlanTotal };
  versions: Record<string, string>;
  machine: { cpu: string; cores: number; memoryBytes: number; platform: string };
}

/** Two arms (or two differences of arms) on the same items and seeds. */
export interface Comparison {
  /** Whose question it answers: the study's own, a sweep's, or a control's. Verdicts are corrected for all comparisons of a question and measure. */
  family: SweepName | 'headline' | 'tasks' | 'recipe' | 'controls';
  a: string;
  b: string;
  measure: string;
  difference: number;
  /** 95 % interval over seeds and items. */
  low: number;
  high: number;
  /** Adjusted for the number of comparisons (Holm). */
  pValue: number;
  /** The same, not adjusted. */
  pAlone: number;
  /** How many comparisons it is adjusted for, itself among them. */
  correctedFor: number;
  /** The true difference that would have been found in four studies of five. */
  smallestShown: number;
  seeds: number;
  items: number;
  verdict: string;
}
