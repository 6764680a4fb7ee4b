import { identityOf, numericsVersion } from './identity.ts';
import type { PublicDecoder } from './model-config.ts';
import {
  armSettings,
  askingSettings,
  encoderSettings,
  orderSettings,
  ownEncoders,
  type PhaseSettings,
  tokenizerSettings,
} from './phase-settings.ts';
import { type Arm, type PublicCheckpoint, type Recipe, recipeOfArm, stepAt } from './recipe.ts';
import { StudyError } from './study-error.ts';
import { withSweepArms } from './sweeps/index.ts';

export const phaseKinds = [
  'corpus',
  'tokenizer',
  'encoder',
  'features',
  'checkpoint',
  'main',
  'branch',
  'finetune',
  'evaluate',
  'report',
] as const;

export type PhaseKind = (typeof phaseKinds)[number];

/** One node of a study. It is plain data: whoever has the store and this can run it. */
export interface Phase {
  /** Readable and unique within the study: `finetune/branch-80/seed-124`. */
  id: string;
  kind: PhaseKind;
  /** Everything that decides this phase's result besides its parents. */
  settings: PhaseSettings;
  /** Role → id of a phase whose output is read. */
  parents: Record<string, string>;
  /**
   * A phase of the same run that ends where this one starts. It must finish first, but it is not part of the identity: a run that
   * resumes bit-equal is the same run however it is cut.
   */
  continues?: string;
  /** Where files lie that the settings name by their content. Not part of the identity: they are the same files wherever they lie. */
  files?: Record<string, string>;
  /** Hash of kind, settings, parents' hashes and the numerics version; names the phase's folder in the store. */
  hash: string;
}

export interface Study {
  recipe: Recipe;
  /** In an order in which every phase follows what it needs. */
  phases: Phase[];
}

/** Raised when a report says more or otherwise than before: it is written again from the same phases. */
const reportVersion = 13;

type AddPhase = (phase: Omit<Phase, 'hash'>) => string;

/**
 * Expands a recipe, its sweeps included, into phases. Arms share every phase that nothing of theirs changes: equal identities are one
 * phase, whichever arms ask for it.
 *
 * @example expandStudy(quick).phases.map((phase) => phase.id) // ['corpus', 'tokenizer', 'encoder', 'features', 'main/seed-124/step-0', …]
 */
export function expandStudy(input: Recipe): Study {
  const recipe = withSweepArms(input);
  const phases = new Map<string, Phase>();
  const add = phaseAdder(phases);
  const base = addSharedPhases(recipe, add);

  const evaluations: Record<string, string> = {};
  const arms: Record<string, string> = {};
  const ownText = hasMainRun(recipe);
  const askAboutText = { ...askingSettings(recipe), suites: ['text'] };
  for (const seed of recipe.seeds) {
    const textModel = ownText ? addMainRun(recipe, recipe, seed, add, base)(1) : undefined;
    for (const arm of recipe.arms) {
      const suffix = `${arm.id}/seed-${seed}`;
      const chain = addArm(recipe, arm, seed, add);
      arms[`branch:${suffix}`] = chain.branch;
      evaluations[`finetune:${suffix}`] = chain.evaluate;
    }
    if (textModel === undefined) continue;
    evaluations[`text-model:seed-${seed}`] = add({
      id: textModelId(seed),
      kind: 'evaluate',
      settings: { ...askAboutText, model: recipe.model, seed },
      parents: {
        model: textModel,
        corpus: base.corpus,
        tokenizer: base.tokenizer,
      },
    });
  }
  for (const checkpoint of usedCheckpoints(recipe)) {
    const { model, tokenizer, decoder } = addCheckpoint(checkpoint, add);
    evaluations[untouchedName(checkpoint)] = add({
      id: `evaluate/${untouchedName(checkpoint)}`,
      kind: 'evaluate',
      settings: { ...askAboutText, model: decoder, seed: recipe.seeds[0] },
      parents: { model, corpus: base.corpus, tokenizer },
    });
  }
  add({
    id: 'report',
    kind: 'report',
    settings: { recipe, reportVersion },
    parents: { ...base, ...arms, ...evaluations },
  });
  return { recipe, phases: [...phases.values()] };
}

/** Evaluation of the text model that no image touched. */
export const textModelId = (seed: number): string => `evaluate/text-model/seed-${seed}`;

/** Whether any arm leaves a text run of the recipe's own. */
export const hasMainRun = ({ arms }: Pick<Recipe, 'arms'>): boolean => arms.some(({ from }) => from === undefined);

/** The public checkpoints that arms begin with. */
export function usedCheckpoints({ public: from, arms }: Recipe): PublicCheckpoint[] {
  return (from?.checkpoints ?? []).filter(({ name }) => arms.some((arm) => arm.from === name));
}

/** What the report calls a public checkpoint that nothing was done to. */
export const untouchedName = ({ name }: PublicCheckpoint): string => `untouched-${name}`;

/** The phases that take over a public checkpoint: its vocabulary and its weights. */
function addCheckpoint(
  { name, folder, identity, decoder }: PublicCheckpoint,
  add: AddPhase,
): { model: string; tokenizer: string; decoder: PublicDecoder } {
  if (!identity || !decoder) {
    throw new StudyError(
      'bad-recipe',
      `Public checkpoint "${name}" was not read: \`loadRecipe\` and \`resolvePublicCheckpoints\` find the identity of its files.`,
    );
  }
  const { weights, tokenizer: vocabulary, end } = identity;
  const files = { folder };
  const tokenizer = add({
    id: `tokenizer/${name}`,
    kind: 'tokenizer',
    settings: { tokenizer: vocabulary, end },
    parents: {},
    files,
  });
  const model = decoder as unknown as PublicDecoder;
  const id = add({
    id: `checkpoint/${name}`,
    kind: 'checkpoint',
    settings: { weights, model },
    parents: { tokenizer },
    files,
  });
  return { model: id, tokenizer, decoder: model };
}

/** The phases that made one model: its evaluation, fine-tuning and branch, which it may share with other arms. */
export function phasesOfArm(
  study: Study,
  armAndSeed: string,
): { branch: Phase; finetune: Phase; evaluate: Phase } | undefined {
  const byId = new Map(study.phases.map((phase) => [phase.id, phase]));
  const evaluate = byId.get(byId.get('report')!.parents[`finetune:${armAndSeed}`] ?? '');
  if (!evaluate) return undefined;
  const finetune = byId.get(evaluate.parents['model']!)!;
  return { branch: byId.get(finetune.parents['branch']!)!, finetune, evaluate };
}

/** Ids of what a phase waits for: its parents and the piece of the run before it. */
export function prerequisites({ parents, continues }: Phase): string[] {
  return continues === undefined ? Object.values(parents) : [...Object.values(parents), continues];
}

/** Steps of the main run that the piece before this one has taken. */
export function stepsBefore({ phases }: Pick<Study, 'phases'>, { continues }: Phase): number {
  return Number(phases.find(({ id }) => id === continues)?.settings['toStep'] ?? 0);
}

/** Keeps one phase for each identity; a second identity under a name that is taken gets its hash added to the name. */
function phaseAdder(phases: Map<string, Phase>): AddPhase {
  const idOfHash = new Map<string, string>();
  return (phase) => {
    const parentHashes = Object.fromEntries(
      Object.entries(phase.parents).map(([role, id]) => [role, phases.get(id)!.hash]),
    );
    const hash = identityOf({ kind: phase.kind, settings: phase.settings, parents: parentHashes, numericsVersion });
    const known = idOfHash.get(hash);
    if (known !== undefined) return known;
    const id = phases.has(phase.id) ? `${phase.id}/${hash.slice(0, 8)}` : phase.id;
    idOfHash.set(hash, id);
    phases.set(id, { ...phase, id, hash });
    return id;
  };
}

type SharedPhases = Record<'corpus' | 'tokenizer' | 'encoder' | 'features', string>;

/** What no seed and no branch point changes. */
function addSharedPhases(recipe: Recipe, add: AddPhase): SharedPhases {
  const corpus = add({ id: 'corpus', kind: 'corpus', settings: { ...recipe.corpus }, parents: {} });
  const { features: how, reshuffle: _, ...data } = recipe.data;
  // Policies are part of an identity where they are not the default, so that it stays what it was before they were.
  const skips = (name: keyof typeof data) => (data[name] === 'skip' ? { [name]: 'skip' } : {});
  const tokenizer = add({
    id: 'tokenizer',
    kind: 'tokenizer',
    settings: tokenizerSettings(recipe.tokenizer, skips('brokenShards')),
    parents: { corpus },
  });
  const encoder = add({
    id: 'encoder',
    kind: 'encoder',
    settings: encoderSettings(recipe, skips('brokenImages')),
    parents: { corpus },
  });
  const features = add({
    id: 'features',
    kind: 'features',
    settings: { ...data, ...(how === 'when-read' ? { features: how } : {}) },
    parents: { corpus, encoder },
  });
  return { corpus, tokenizer, encoder, features };
}

/** Branch, fine-tuning and evaluation of one arm at one seed, and whatever they need that is not there yet. */
function addArm(
  recipe: Recipe,
  arm: Arm,
  seed: number,
  add: AddPhase,
): { branch: string; finetune: string; evaluate: string } {
  const own = recipeOfArm(recipe, arm);
  const { corpus, encoder, features, ...shared } = addSharedPhases(own, add);
  const { main, tokenizer, model } = startOfArm(recipe, arm, seed, add, { corpus, ...shared });
  const { threads, projector, optimizer } = own;
  const { brokenShards, brokenImages } = own.data;
  const isWhenRead = own.data.features === 'when-read';
  const whenRead = isWhenRead ? { features: 'when-read', brokenImages } : {};
  const training = { brokenShards, ...orderSettings(own), ...whenRead, seed, threads, model, projector, optimizer };
  const suffix = `${arm.id}/seed-${seed}`;
  const ownEncoder = ownEncoders(own);
  const branch = add({
    id: `branch/${suffix}`,
    kind: 'branch',
    settings: {
      ...armSettings(own, arm),
      ...training,
      ...(ownEncoder.branch ? { ownEncoder: ownEncoder.branch } : {}),
    },
    parents: { main, corpus, tokenizer, features, ...(ownEncoder.branch || isWhenRead ? { encoder } : {}) },
  });
  const { encoder: _, encoderLrScale: _scale, ...settings } = own.finetune;
  const finetune = add({
    id: `finetune/${suffix}`,
    kind: 'finetune',
    settings: {
      ...settings,
      ...training,
      seed: arm.finetuneSeed ?? seed,
      ...(ownEncoder.finetune ? { ownEncoder: ownEncoder.finetune } : {}),
    },
    parents: { branch, corpus, tokenizer, features, ...(ownEncoder.finetune || isWhenRead ? { encoder } : {}) },
  });
  const evaluate = add({
    id: `evaluate/${suffix}`,
    kind: 'evaluate',
    settings: {
      ...askingSettings(own),
      suites: ['vision', 'text'],
      model,
      projector,
      seed,
      ...(ownEncoder.finetune ? { ownEncoder: true } : {}),
    },
    parents: { model: finetune, corpus, tokenizer, features, ...(ownEncoder.finetune ? { encoder } : {}) },
  });
  return { branch, finetune, evaluate };
}

/** The text model that an arm begins with: its main run at its branch point, or a public checkpoint. */
function startOfArm(
  recipe: Recipe,
  arm: Arm,
  seed: number,
  add: AddPhase,
  { corpus, tokenizer }: Pick<SharedPhases, 'corpus' | 'tokenizer'>,
): { main: string; tokenizer: string; model: Recipe['model'] | PublicDecoder } {
  const checkpoint = recipe.public?.checkpoints.find(({ name }) => name === arm.from);
  if (checkpoint) {
    const taken = addCheckpoint(checkpoint, add);
    return { main: taken.model, tokenizer: taken.tokenizer, model: taken.decoder };
  }
  const own = recipeOfArm(recipe, arm);
  const main = addMainRun(recipe, own, seed, add, { corpus, tokenizer })(arm.branchPoint);
  return { main, tokenizer, model: own.model };
}

/** The main run that an arm leaves, cut wherever an arm of the study leaves it; the recipe's own also at its start and its end. */
function addMainRun(
  recipe: Recipe,
  own: Recipe,
  seed: number,
  add: AddPhase,
  { corpus, tokenizer }: Pick<SharedPhases, 'corpus' | 'tokenizer'>,
): (branchPoint: number) => string {
  const { threads, model, optimizer } = own;
  const run = mainIdentity(own);
  const points = recipe.arms
    .filter((arm) => arm.from === undefined && mainIdentity(recipeOfArm(recipe, arm)) === run)
    .map((arm) => arm.branchPoint);
  if (mainIdentity(recipe) === run) points.push(0, 1);
  const steps = [...new Set(points.map((point) => stepAt(own, point)))].sort((a, b) => a - b);
  let previous: string | undefined;
  const ids = new Map<number, string>();
  for (const toStep of steps) {
    const id = add({
      id: `main/seed-${seed}/step-${toStep}`,
      kind: 'main',
      settings: {
        ...own.main,
        brokenShards: own.data.brokenShards,
        ...orderSettings(own),
        seed,
        threads,
        model,
        optimizer,
        toStep,
      },
      parents: { corpus, tokenizer },
      ...(previous === undefined ? {} : { continues: previous }),
    });
    ids.set(toStep, id);
    previous = id;
  }
  return (branchPoint) => ids.get(stepAt(own, branchPoint))!;
}

/** Equal for recipes that train the same text model. */
function mainIdentity({ main, model }: Recipe): string {
  return identityOf({ main, model });
}
