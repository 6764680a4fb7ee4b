import { z } from 'zod';
import { sweepNames } from './sweeps/names.ts';

/**
 * A recipe says everything that decides a study's numbers. It is strict: an unknown key or a value out of range is an error.
 * Where the paper left something open, a field names the choice (design table "What the paper left open").
 */

const share = z.number().min(0).max(1);
const positiveInt = z.int().positive();
const rate = z.number().positive().max(1);
const seed = z
  .int()
  .min(0)
  .max(2 ** 31);
const identifier = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'expected lower-case letters, digits, dots and hyphens');

const corpusSchema = z.looseObject({
  /** Named settings of `@vlm/corpus` to start from; every other key overrides one of them and is checked there. Or `external`: data of one's own. */
  preset: z.string().min(1),
});

const tokenizerSchema = z.strictObject({
  /** Size of the vocabulary, special tokens included. */
  vocabSize: z.int().min(261).max(200_000),
  /** Bytes of training text that the merges are learnt from. */
  maxTrainBytes: positiveInt,
  /** A `tokenizer.json` to take over in place of learning one; `vocabSize` is then for the plan alone, and `maxTrainBytes` for nothing. */
  file: z.string().min(1).optional(),
});

const encoderSchema = z.strictObject({
  /** `cnn`: pre-trained on dense labels of training scenes, then frozen. `bare-patches`: pixels, nothing learnt (paper Table 6). `hub`: see `folder`. */
  kind: z.enum(['cnn', 'bare-patches', 'hub']),
  /** `hub`: a frozen encoder in ONNX as it lies on the hub (SigLIP, DINOv2, …), and which of its blocks is read (the paper: −2). */
  folder: z.string().min(1).optional(),
  layer: z.int().optional(),
  /** Of a `cnn`, as is all that follows: for the other kinds it decides nothing. */
  channels: z.array(positiveInt).min(1).max(8),
  steps: positiveInt,
  batchSize: positiveInt,
  lrPeak: rate,
  weightDecay: z.number().min(0),
});

const modelSchema = z.strictObject({
  dim: positiveInt,
  layers: positiveInt,
  heads: positiveInt,
  /** Width of SwiGLU; left out: OpenLM's rule 256·⌈(8·dim/3)/256⌉. */
  hidden: positiveInt.optional(),
  // A picture's 16 patches with what stands around them, and room for words.
  sequenceLength: z.int().min(32),
  qkNorm: z.boolean(),
  /** Whether the head shares the embedding's weights. OpenLM: false. */
  tiedHead: z.boolean(),
});

const projectorSchema = z.strictObject({
  /** prismatic's three; `fused-gelu-mlp` is the paper's. */
  kind: z.enum(['linear', 'gelu-mlp', 'fused-gelu-mlp']),
});

const optimizerSchema = z.strictObject({
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
  /** Decoupled weight decay of phases 1 and 2. */
  weightDecay: z.number().min(0),
  /** Which tensors decay: all of them (OpenLM) or matrices only. */
  decays: z.enum(['all', 'matrices']),
  clipNorm: z.number().positive(),
  zLoss: z.number().min(0),
  /** Positions that the z-loss averages over: those that carry loss, or all (OpenLM). */
  zLossOver: z.enum(['weighted', 'all']),
});

/** Batches whose gradients make one update, weighted by their loss tokens; left out: one. For batches that do not fit the memory at once. */
const accumulate = positiveInt.optional();

const mainSchema = z.strictObject({
  /** Length of text pre-training in tokens; rounded up to whole batches. */
  tokens: positiveInt,
  /** Rows of `sequenceLength` tokens in a batch. */
  batchSize: positiveInt,
  accumulate,
  lrPeak: rate,
  lrMin: rate,
  warmupSteps: z.int().min(0),
});

/** What a token sees: everything before it in its row (OpenLM packs so), or its own item alone (a block-diagonal mask). */
const attention = z.enum(['whole-row', 'within-item']);

/** The image encoder while the decoder learns: as it is, its features computed once (left out), or trained with the decoder, through its pixels. */
const encoderIn = {
  encoder: z.enum(['frozen', 'trained']).optional(),
  /** Factor on the learning rate of an encoder that trains; left out: 1, one rate for all as prismatic has it. */
  encoderLrScale: z.number().positive().max(100).optional(),
};

const branchSchema = z.strictObject({
  tokens: positiveInt,
  batchSize: positiveInt,
  accumulate,
  imageShare: share,
  rewarmPeak: rate,
  rewarmSteps: z.int().min(0),
  lrMin: rate,
  /** Adam's moments at the branch: carried over from the main run, or reset. */
  moments: z.enum(['carried', 'reset']),
  attention,
  ...encoderIn,
});

const finetuneSchema = z.strictObject({
  /** Passes over the conversations. */
  epochs: z.number().positive().max(100),
  /** Conversations used; left out: all of the corpus. */
  conversations: positiveInt.optional(),
  batchSize: positiveInt,
  accumulate,
  lrPeak: rate,
  lrMin: z.number().min(0).max(1),
  /** Share of the steps spent warming up. */
  warmupShare: share,
  weightDecay: z.number().min(0),
  attention,
  ...encoderIn,
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits of a SHA-256');

const publicCheckpointSchema = z.strictObject({
  /** What arms call it: `step80000`. */
  name: identifier,
  /** `config.json`, safetensors and `tokenizer.json` of one revision, as the hub has them. */
  folder: z.string().min(1),
  /** How far its training had come, as a share of the whole. */
  at: share,
  /** SHA-256 of its configuration and weights and of its tokenizer, and the id that ends a document; left out: read from the folder. */
  identity: z.strictObject({ weights: sha256, tokenizer: sha256, end: z.int().min(0).optional() }).optional(),
  /** Its decoder, with the recipe's `sequenceLength`; belongs to `identity`. */
  decoder: z.looseObject({ family: z.enum(['llama', 'gpt-neox']) }).optional(),
});

const publicSchema = z.strictObject({ checkpoints: z.array(publicCheckpointSchema).min(1) });

const armSchema = z.strictObject({
  id: identifier,
  /** A checkpoint of `public` that the arm begins with, in place of the main run; `branchPoint` then is that checkpoint's `at`. */
  from: z.string().optional(),
  /** Where the arm leaves the main run, as a share of its length. 1 is the two-phase arm; anything earlier is integrated. */
  branchPoint: share,
  /** `continued`: from the main run's rate at that point, no warm-up. `rewarm`: a fresh warm-up to `lrPeak` (the paper's 0 % and 100 %). */
  schedule: z.enum(['continued', 'rewarm']),
  /** Peak of a re-warmed schedule; left out: `branch.rewarmPeak`. */
  lrPeak: rate.optional(),
  /** Share of image-caption tokens (patches and caption) in phase 2; left out: `branch.imageShare`. */
  imageShare: share.optional(),
  /** Length of phase 2 in tokens; left out: `branch.tokens`. */
  tokens: positiveInt.optional(),
  /** How pictures are captioned in phase 2; left out: the corpus' own sentences. `labels`: names alone. `tags`: with kind and colour. */
  captions: z.enum(['labels', 'tags']).optional(),
  /** Share of phase 2's image tokens that are conversations in place of captions; left out: none. */
  instructionShare: share.optional(),
  /** Seed of fine-tuning alone; left out: the seed of the whole run. */
  finetuneSeed: seed.optional(),
  /** What this arm has in place of the recipe's own; only the phases that these settings touch become other phases. */
  changes: z
    .strictObject({
      encoder: encoderSchema.partial(),
      model: modelSchema.partial(),
      main: mainSchema.partial(),
      /** Without what an arm says itself. */
      branch: branchSchema.omit({ tokens: true, imageShare: true, rewarmPeak: true }).partial(),
      finetune: finetuneSchema.partial(),
    })
    .partial()
    .optional(),
});

const dataSchema = z.strictObject({
  /** A picture that does not decode: an error, or its items are left out and counted in the report. */
  brokenImages: z.enum(['error', 'skip']),
  /** A shard that is cut or corrupt: an error, or what cannot be read of it is left out and counted in the report. */
  brokenShards: z.enum(['error', 'skip']),
  /**
   * Features of a frozen encoder: computed once for all pictures and `stored` (left out), or computed `when-read`, in every arm and every pass, and kept
   * for the questions alone. 256 patches of 1152 numbers are 1.2 MB a picture.
   */
  features: z.enum(['stored', 'when-read']).optional(),
  /**
   * Whether each pass over a source has an order of its own, as in OpenLM (its file_utils.py seeds the order of shards with seed + pass) and in prismatic
   * (`SplitModalitySampler`: seed + epoch); left out: all passes have the order of the first.
   */
  reshuffle: z.boolean().optional(),
});

const evaluateSchema = z.strictObject({
  batchSize: positiveInt,
  /** Samples of each bootstrap interval. */
  bootstrapSamples: z.int().min(100),
  /** Items shown in the report with every arm's answer. */
  sampleItems: z.int().min(0).max(60),
});

export const recipeSchema = z.strictObject({
  version: z.literal(1),
  name: identifier,
  description: z.string(),
  /** Seeds of initialisation and data order; every arm runs once a seed. The first is the paper's. */
  seeds: z
    .array(seed)
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'expected every seed once'),
  /** Threads of one phase; part of a result's identity, because the order of sums depends on it. */
  threads: z.int().min(1).max(256),
  corpus: corpusSchema,
  data: dataSchema,
  tokenizer: tokenizerSchema,
  encoder: encoderSchema,
  model: modelSchema,
  projector: projectorSchema,
  optimizer: optimizerSchema,
  main: mainSchema,
  branch: branchSchema,
  /** May be empty where sweeps bring theirs. */
  arms: z.array(armSchema),
  /** Intermediate checkpoints of a public model, to branch from with their weights alone. */
  public: publicSchema.optional(),
  /** Named sweeps whose arms are added to these. */
  sweeps: z.array(z.enum(sweepNames)).optional(),
  finetune: finetuneSchema,
  evaluate: evaluateSchema,
});

export type Recipe = z.infer<typeof recipeSchema>;
export type Arm = z.infer<typeof armSchema>;
export type PublicCheckpoint = z.infer<typeof publicCheckpointSchema>;

/** The recipe as one arm sees it, with what the arm changes in place. */
export function recipeOfArm(recipe: Recipe, { changes }: Arm): Recipe {
  if (!changes) return recipe;
  const parts = Object.entries(changes) as [keyof typeof changes, object][];
  return { ...recipe, ...Object.fromEntries(parts.map(([part, change]) => [part, { ...recipe[part], ...change }])) };
}

/** Updates of the main run: tokens rounded up to whole batches. */
export function mainSteps({ main, model }: Pick<Recipe, 'main' | 'model'>): number {
  return Math.ceil(main.tokens / tokensOfUpdate(main, model));
}

/** Step of the main run at a branch point. */
export function stepAt(recipe: Recipe, branchPoint: number): number {
  return Math.round(branchPoint * mainSteps(recipe));
}

/** Tokens of one update, padding included. */
export function tokensOfUpdate(
  { batchSize, accumulate = 1 }: { batchSize: number; accumulate?: number | undefined },
  { sequenceLength }: Pick<Recipe['model'], 'sequenceLength'>,
): number {
  return batchSize * accumulate * sequenceLength;
}
