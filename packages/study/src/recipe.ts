import { z } from 'zod';
import { externalCorpusSchema } from './data/external-corpus.ts';
import { StudyError } from './study-error.ts';
import { suggest } from './suggest.ts';
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
  /** A `tokenizer.json` to take over in place of learning one; `vocabSize` is then for the plan alone. */
  file: z.string().min(1).optional(),
});

const encoderSchema = z.strictObject({
  /** `cnn`: pre-trained on dense labels of training scenes, then frozen. `bare-patches`: pixels, nothing learnt (paper Table 6). `hub`: see `folder`. */
  kind: z.enum(['cnn', 'bare-patches', 'hub']),
  /** `hub`: a frozen encoder in ONNX as it lies on the hub (SigLIP, DINOv2, …), and which of its blocks is read (the paper: −2). */
  folder: z.string().min(1).optional(),
  layer: z.int().optional(),
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

/** Tokens of one update, padding included. */
export function tokensOfUpdate(
  { batchSize, accumulate = 1 }: { batchSize: number; accumulate?: number | undefined },
  { sequenceLength }: Pick<Recipe['model'], 'sequenceLength'>,
): number {
  return batchSize * accumulate * sequenceLength;
}

/**
 * Checks a recipe and fills nothing in silently.
 *
 * @param input Parsed JSON of a recipe.
 * @throws StudyError `bad-recipe` with every problem, where it is, and the nearest known key for a misspelt one.
 */
export function parseRecipe(input: unknown): Recipe {
  const result = recipeSchema.safeParse(input);
  const problems = result.success
    ? crossFieldProblems(result.data)
    : result.error.issues.flatMap((issue) => describeIssue(issue));
  if (problems.length > 0) {
    throw new StudyError(
      'bad-recipe',
      `The recipe has ${problems.length} problem${problems.length > 1 ? 's' : ''}:\n  - ${problems.join('\n  - ')}`,
    );
  }
  return result.data as Recipe;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const where = issue.path.length > 0 ? issue.path.map(String).join('.') : 'recipe';
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeysAt(issue.path);
    return issue.keys.map((key) => {
      const near = suggest(key, known);
      return `${where}: unknown key "${key}"${near ? `; did you mean "${near}"?` : `. Known keys: ${known.join(', ')}.`}`;
    });
  }
  return [`${where}: ${issue.message}`];
}

/** Keys that the schema knows at a path, to suggest one for a misspelt key. */
function knownKeysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = recipeSchema;
  for (const part of path) {
    if (schema instanceof z.ZodOptional) schema = schema.unwrap();
    if (schema instanceof z.ZodObject) schema = schema.shape[String(part)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  if (schema instanceof z.ZodOptional) schema = schema.unwrap();
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** What does not fit together, in the recipe and in each of its arms. */
export function crossFieldProblems(recipe: Recipe): string[] {
  const problems = [...settingProblems(recipe), ...publicProblems(recipe)];
  if (recipe.arms.length === 0 && !recipe.sweeps?.length) problems.push('arms: expected at least one arm, or a sweep');
  const seen = new Set<string>();
  recipe.arms.forEach((arm, index) => {
    if (seen.has(arm.id)) problems.push(`arms.${index}.id: "${arm.id}" is used twice; every arm needs its own name`);
    seen.add(arm.id);
    if (arm.lrPeak !== undefined && arm.schedule === 'continued') {
      problems.push(
        `arms.${index}.lrPeak: only a "rewarm" arm has a peak of its own; a "continued" arm starts at the main run's rate`,
      );
    }
    if (arm.lrPeak !== undefined && arm.lrPeak < recipe.branch.lrMin) {
      problems.push(`arms.${index}.lrPeak: expected at least branch.lrMin (${recipe.branch.lrMin}), got ${arm.lrPeak}`);
    }
    if (arm.branchPoint === 0 && arm.schedule === 'continued') {
      problems.push(
        `arms.${index}.schedule: at branch point 0 there is no main run to continue; use "rewarm", as the paper does`,
      );
    }
    if (arm.from !== undefined) {
      problems.push(...publicArmProblems(recipe, arm, arm.from).map((problem) => `arms.${index}.${problem}`));
    }
    if (arm.changes) {
      problems.push(...settingProblems(recipeOfArm(recipe, arm)).map((problem) => `arms.${index}.changes.${problem}`));
    }
  });
  return problems;
}

/** What does not fit together within one arm's settings. */
function settingProblems({ model, main, branch, finetune, corpus, tokenizer, encoder }: Recipe): string[] {
  const problems: string[] = [];
  for (const [phase, { encoder: how }] of Object.entries({ branch, finetune })) {
    if (how !== 'trained' || encoder.kind === 'cnn') continue;
    const reason = encoder.kind === 'hub' ? 'an ONNX file of the hub holds no gradients' : 'bare patches learn nothing';
    problems.push(
      `${phase}.encoder: only an encoder of kind "cnn" can be trained, this one is "${encoder.kind}": ${reason}`,
    );
  }
  if (corpus.preset === 'external') problems.push(...externalProblems(corpus, tokenizer, encoder));
  if (encoder.kind === 'hub' && encoder.folder === undefined) {
    problems.push('encoder.folder: an encoder of kind "hub" needs the folder of its ONNX export');
  }
  if (model.dim % model.heads !== 0) {
    problems.push(`model.heads: expected a divisor of model.dim (${model.dim}), got ${model.heads}`);
  }
  if (main.lrMin > main.lrPeak) problems.push('main.lrMin: expected at most main.lrPeak');
  if (branch.lrMin > branch.rewarmPeak) problems.push('branch.lrMin: expected at most branch.rewarmPeak');
  for (const [name, warmup, { tokens, ...update }] of [
    ['main.warmupSteps', main.warmupSteps, main],
    ['branch.rewarmSteps', branch.rewarmSteps, branch],
  ] as const) {
    const steps = Math.ceil(tokens / tokensOfUpdate(update, model));
    if (warmup > steps)
      problems.push(`${name}: expected at most the ${steps} steps that its tokens give, got ${warmup}`);
  }
  if (finetune.lrMin > finetune.lrPeak) problems.push('finetune.lrMin: expected at most finetune.lrPeak');
  return problems;
}

function publicProblems({ public: from }: Recipe): string[] {
  const checkpoints = from?.checkpoints ?? [];
  return checkpoints.flatMap(({ name, identity, decoder }, index) => {
    const where = `public.checkpoints.${index}`;
    return [
      ...(checkpoints.findIndex((other) => other.name === name) < index
        ? [`${where}.name: "${name}" is used twice`]
        : []),
      ...((identity === undefined) === (decoder === undefined)
        ? []
        : [`${where}: "identity" and "decoder" are given together, or both are read from the folder`]),
    ];
  });
}

/** What an arm that begins with a public checkpoint cannot have: a schedule to continue, or a model of the recipe's. */
function publicArmProblems({ public: from }: Recipe, { branchPoint, schedule, changes }: Arm, name: string): string[] {
  const names = (from?.checkpoints ?? []).map((checkpoint) => checkpoint.name);
  const checkpoint = from?.checkpoints.find((candidate) => candidate.name === name);
  if (!checkpoint) {
    const near = suggest(name, names);
    const known = names.length === 0 ? 'the recipe has no "public"' : `checkpoints: ${names.join(', ')}`;
    return [`from: there is no public checkpoint "${name}"${near ? `; did you mean "${near}"?` : `; ${known}`}`];
  }
  return [
    ...(schedule === 'rewarm'
      ? []
      : ['schedule: a public checkpoint has no optimizer state and no schedule to continue; use "rewarm"']),
    ...(branchPoint === checkpoint.at
      ? []
      : [`branchPoint: expected ${checkpoint.at}, where checkpoint "${name}" stands, got ${branchPoint}`]),
    ...(changes?.model || changes?.main ? ['changes: a public checkpoint brings its own model, trained already'] : []),
  ];
}

/** What data of one's own needs: every field of its schema, and parts that need no scenes. */
function externalProblems(
  corpus: Recipe['corpus'],
  tokenizer: Recipe['tokenizer'],
  encoder: Recipe['encoder'],
): string[] {
  const checked = externalCorpusSchema.safeParse(corpus);
  const problems = checked.success
    ? []
    : checked.error.issues.map(({ path, message }) => `${['corpus', ...path.map(String)].join('.')}: ${message}`);
  if (encoder.kind === 'cnn') {
    problems.push(
      'encoder.kind: "cnn" learns from labelled scenes of the default corpus; with data of your own use "hub" or "bare-patches"',
    );
  }
  if (checked.success && checked.data.text.format === 'openlm-tokens' && tokenizer.file === undefined) {
    problems.push('tokenizer.file: text that is tokenised already needs the tokenizer.json it was tokenised with');
  }
  return problems;
}
