/** The splits of the default corpus: what their pictures have that training has not seen. */
export type VisionSplit = 'new-scene' | 'new-vendor' | 'new-concept';

/** x1 y1 x2 y2 as shares of width and height. */
export type Box = readonly [number, number, number, number];

export type VisionTarget =
  | { kind: 'answers'; answers: string[] }
  | { kind: 'yes-no'; answer: 'yes' | 'no' }
  | { kind: 'box'; box: [number, number, number, number] }
  /** Decided by the likelihood of the options' texts (letters, True and False), not by what is written. `answer` is an index. */
  | { kind: 'choice'; options: string[]; answer: number }
  | { kind: 'caption'; references: string[]; objects: string[] };

/** A question about a picture, without the picture. */
export interface VisionItem {
  /** Unique within a run. */
  id: string;
  /** `open-vqa`, `existence`, `grounding`, `captioning`, … */
  task: string;
  /** One of {@link VisionSplit}, or what a benchmark counts apart: `adversarial`, `RefCOCO+`, … */
  split: string;
  /** Kind of question: name, colour, count, …; random, popular, adversarial; … */
  type: string;
  question: string;
  target: VisionTarget;
  /** What tells its picture apart, where several items may share one. */
  picture?: string;
  /** Whether training uses this phrasing of the question. */
  phrasing?: 'seen' | 'held-out';
}

/** Whose text tasks are asked: several names (`arc_easy`, `copa`) stand for other questions and prompts in each. */
export type TextSuite = 'lm-evaluation-harness' | 'dclm-core';

/** Continuations of a context, one of them right. */
export interface TextItem {
  id: string;
  task: string;
  /** What is counted apart. Default `choice`. */
  type?: string;
  context: string;
  choices: string[];
  /** Index into `choices`. */
  answer: number;
  /** A context for each choice, where they differ (Winograd schemas: the choices are then all the same). */
  contexts?: string[];
  /** Absent for tasks of one's own. */
  suite?: TextSuite;
}

/** A held-out document. */
export interface TextDocument {
  id: string;
  task: 'bits-per-byte';
  text: string;
  source: string;
}

/** What the model is asked. `image` is whatever the caller's model understands: a key, a path, features. */
export interface EvalPrompt<Image> {
  text: string;
  image?: Image;
}

/** ln p of a continuation, and its length. */
export interface ContinuationScore {
  logProb: number;
  tokens: number;
  /** UTF-8 bytes. */
  bytes: number;
}

/** What an evaluated model must be able to do. */
export interface EvalModel<Image = unknown> {
  /** One text per prompt, in order, without the prompt. */
  generate(prompts: EvalPrompt<Image>[], options: { maxNewTokens: number }): Promise<string[]>;
  /** Sum of ln p(continuation | prompt) and the number of tokens and UTF-8 bytes of the continuation, in order. */
  logLikelihood(requests: { prompt: EvalPrompt<Image>; continuation: string }[]): Promise<ContinuationScore[]>;
}

/** `official` equals the reference code to the last digit, quirks included; `fixed` is what it means to say. */
export type ScoringMode = 'official' | 'fixed';

/** What the model is shown with a question: its picture, none, or the picture of another item. */
export type VisionCondition = 'image' | 'no-image' | 'wrong-image';

/** A condition, or the constant answer that scores best (`majority`), or a text task (`text`). */
export type Condition = VisionCondition | 'majority' | 'text';

/** One question answered once: plain data, one line of a JSONL file. */
export interface EvalRow {
  id: string;
  task: string;
  /** Text tasks of a published suite. */
  suite?: TextSuite;
  /** `test` for text. */
  split: string;
  type: string;
  condition: Condition;
  prompt: string;
  /** With `wrong-image`: the item whose picture was shown. */
  imageOf?: string;
  output: string;
  /** The truth in words. */
  expected: string;
  /** Under which rules `score` was found: the reference code's, or what they mean to say. Absent where there is no difference. */
  mode?: ScoringMode;
  /** The primary score. 0 to 1, more is better; bits per byte: less is better. */
  score: number;
  /** Further scores by name. */
  scores?: Record<string, number>;
  /** Log-likelihood of the right answer less that of the best wrong one, in nats. */
  margin?: number;
  /** Weight in means (bytes of a document); 1 where absent. */
  weight?: number;
  /** The picture, where several questions are asked about one: such rows are no further evidence each. */
  cluster?: string;
  /** What a random guess is expected to score on this item. */
  chance?: number;
  /** Yes/no questions: the free text beside the comparison of likelihoods that decides. */
  generated?: string;
  /** Majority answers: where the constant answer was counted. */
  countedOn?: 'training' | 'test';
}

/** Told after every batch. */
export interface EvalProgress {
  task: string;
  condition: Condition;
  done: number;
  total: number;
}
