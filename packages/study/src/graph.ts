import { identityOf, numericsVersion } from './identity.ts';
import type { Arm, Recipe } from './recipe.ts';

export type PhaseKind =
  | 'corpus'
  | 'tokenizer'
  | 'encoder'
  | 'features'
  | 'main'
  | 'branch'
  | 'finetune'
  | 'evaluate'
  | 'report';

export type PhaseSettings = Record<string, unknown>;

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
  /** Hash of kind, settings, parents' hashes and the numerics version; names the phase's folder in the store. */
  hash: string;
}

export interface Study {
  recipe: Recipe;
  /** In an order in which every phase follows what it needs. */
  phases: Phase[];
}

/**
 * Expands a recipe into its phases. Arms that share a main run share its phases, whatever else differs.
 *
 * @example expandStudy(quick).phases.map((phase) => phase.id) // ['corpus', 'tokenizer', 'encoder', 'features', 'main/seed-124/step-0', …]
 */
export function expandStudy(recipe: Recipe): Study {
  const phases = new Map<string, Phase>();
  const add = (phase: Omit<Phase, 'hash'>): string => {
    const parentHashes = Object.fromEntries(
      Object.entries(phase.parents).map(([role, id]) => [role, phases.get(id)!.hash]),
    );
    const hash = identityOf({ kind: phase.kind, settings: phase.settings, parents: parentHashes, numericsVersion });
    phases.set(phase.id, { ...phase, hash });
    return phase.id;
  };

  const { threads, model, projector, optimizer, encoder } = recipe;
  const corpus = add({ id: 'corpus', kind: 'corpus', settings: { ...recipe.corpus }, parents: {} });
  const tokenizer = add({ id: 'tokenizer', kind: 'tokenizer', settings: { ...recipe.tokenizer }, parents: { corpus } });
  const encoderId = add({
    id: 'encoder',
    kind: 'encoder',
    settings: { ...encoder, seed: recipe.seeds[0], threads },
    parents: { corpus },
  });
  const features = add({
    id: 'features',
    kind: 'features',
    settings: { ...recipe.data },
    parents: { corpus, encoder: encoderId },
  });

  const evaluations: Record<string, string> = {};
  const arms: Record<string, string> = {};
  for (const seed of recipe.seeds) {
    const mainAt = addMainRun(recipe, seed, add, { corpus, tokenizer });
    for (const arm of recipe.arms) {
      const suffix = `${arm.id}/seed-${seed}`;
      const branch = add({
        id: `branch/${suffix}`,
        kind: 'branch',
        settings: {
          ...armSettings(recipe, arm),
          brokenShards: recipe.data.brokenShards,
          seed,
          threads,
          model,
          projector,
          optimizer,
        },
        parents: { main: mainAt(arm.branchPoint), corpus, tokenizer, features },
      });
      const finetune = add({
        id: `finetune/${suffix}`,
        kind: 'finetune',
        settings: {
          ...recipe.finetune,
          brokenShards: recipe.data.brokenShards,
          seed,
          threads,
          model,
          projector,
          optimizer,
        },
        parents: { branch, corpus, tokenizer, features },
      });
      arms[`branch:${suffix}`] = branch;
      arms[`finetune:${suffix}`] = finetune;
      evaluations[`finetune:${suffix}`] = add({
        id: `evaluate/${suffix}`,
        kind: 'evaluate',
        settings: { ...recipe.evaluate, suites: ['vision', 'text'], model, projector, threads, seed },
        parents: { model: finetune, corpus, tokenizer, features },
      });
    }
    evaluations[`text-model:seed-${seed}`] = add({
      id: `evaluate/text-model/seed-${seed}`,
      kind: 'evaluate',
      settings: { ...recipe.evaluate, suites: ['text'], model, threads, seed },
      parents: { model: mainAt(1), corpus, tokenizer },
    });
  }
  add({
    id: 'report',
    kind: 'report',
    settings: { recipe },
    parents: { corpus, tokenizer, encoder: encoderId, features, ...arms, ...evaluations },
  });
  return { recipe, phases: [...phases.values()] };
}

/** Steps of the main run: tokens rounded up to whole batches. */
export function mainSteps(recipe: Recipe): number {
  return Math.ceil(recipe.main.tokens / (recipe.main.batchSize * recipe.model.sequenceLength));
}

/** Step of the main run at a branch point. */
export function stepAt(recipe: Recipe, branchPoint: number): number {
  return Math.round(branchPoint * mainSteps(recipe));
}

function addMainRun(
  recipe: Recipe,
  seed: number,
  add: (phase: Omit<Phase, 'hash'>) => string,
  parents: { corpus: string; tokenizer: string },
): (branchPoint: number) => string {
  const { threads, model, optimizer } = recipe;
  const steps = [
    ...new Set([0, 1, ...recipe.arms.map((arm) => arm.branchPoint)].map((point) => stepAt(recipe, point))),
  ].sort((a, b) => a - b);
  let previous: string | undefined;
  const ids = new Map<number, string>();
  for (const toStep of steps) {
    const id = add({
      id: `main/seed-${seed}/step-${toStep}`,
      kind: 'main',
      settings: { ...recipe.main, brokenShards: recipe.data.brokenShards, seed, threads, model, optimizer, toStep },
      parents,
      ...(previous === undefined ? {} : { continues: previous }),
    });
    ids.set(toStep, id);
    previous = id;
  }
  return (branchPoint) => ids.get(stepAt(recipe, branchPoint))!;
}

/** Settings of phase 2 for one arm, its own values in place of the recipe's common ones. */
function armSettings(recipe: Recipe, arm: Arm): PhaseSettings {
  const { branch, main } = recipe;
  return {
    schedule: arm.schedule,
    branchStep: stepAt(recipe, arm.branchPoint),
    imageShare: arm.imageShare ?? branch.imageShare,
    tokens: arm.tokens ?? branch.tokens,
    batchSize: branch.batchSize,
    lrMin: branch.lrMin,
    moments: branch.moments,
    attention: branch.attention,
    ...(arm.schedule === 'rewarm'
      ? { lrPeak: arm.lrPeak ?? branch.rewarmPeak, warmupSteps: branch.rewarmSteps }
      : {
          main: {
            lrPeak: main.lrPeak,
            lrMin: main.lrMin,
            warmupSteps: main.warmupSteps,
            totalSteps: mainSteps(recipe),
          },
        }),
  };
}
