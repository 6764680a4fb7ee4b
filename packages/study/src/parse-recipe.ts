import { z } from 'zod';
import { externalCorpusSchema } from './data/external-corpus.ts';
import { type Arm, type Recipe, recipeOfArm, recipeSchema, tokensOfUpdate } from './recipe.ts';
import { StudyError } from './study-error.ts';
import { suggest } from './suggest.ts';

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
    if (arm.id === 'text-model' || arm.id.startsWith('untouched-')) {
      problems.push(`arms.${index}.id: "${arm.id}" is what reports call a model without images; choose another name`);
    }
    problems.push(...phaseTwoProblems(recipe, arm).map((problem) => `arms.${index}.${problem}`));
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

/** What an arm asks of its phase 2 and cannot have there. */
function phaseTwoProblems(recipe: Recipe, arm: Arm): string[] {
  const { branch, model } = recipeOfArm(recipe, arm);
  const problems: string[] = [];
  if (arm.lrPeak !== undefined && arm.lrPeak < branch.lrMin) {
    problems.push(`lrPeak: expected at least branch.lrMin (${branch.lrMin}), got ${arm.lrPeak}`);
  }
  const steps = Math.ceil((arm.tokens ?? branch.tokens) / tokensOfUpdate(branch, model));
  // Without tokens of its own the arm has the recipe's, which are checked with it.
  if (arm.tokens !== undefined && arm.schedule === 'rewarm' && branch.rewarmSteps > steps) {
    problems.push(
      `tokens: expected enough for branch.rewarmSteps (${branch.rewarmSteps}) to end before phase 2 does, got ${steps} steps`,
    );
  }
  if (arm.captions !== undefined && recipe.corpus.preset === 'external') {
    problems.push('captions: labels and tags are made of the scenes of the default corpus; data of your own has none');
  }
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
