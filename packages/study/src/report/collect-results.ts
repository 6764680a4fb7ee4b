import { cpus, platform, totalmem } from 'node:os';
import type { EvalRow } from '@vlm/evals';
import type { TokenAccounting } from '@vlm/trainer';
import { phasesOfArm, type Study } from '../graph.ts';
import { identityOf } from '../identity.ts';
import { planStudy } from '../plan.ts';
import type { PhaseRecord, Store } from '../store.ts';
import { StudyError } from '../study-error.ts';
import { armScores } from './arm-scores.ts';
import { compareArms, compareByTask } from './compare-arms.ts';
import { controlComparisons } from './controls.ts';
import { packageVersions } from './package-versions.ts';
import { phaseReader } from './read-phases.ts';
import type { ArmResult, ModelResult, StudyResults, TokenAccount } from './results.ts';
import { sampleAnswers } from './sample-answers.ts';
import { scoreRows } from './score-rows.ts';

export interface CollectOptions {
  /** Identity of the report, among the versions. */
  hash: string;
  /** Whether arms that are not evaluated yet are left out and named; left out: they are an error. */
  isPartial?: boolean;
  onNote(note: string, fraction: number): void;
}

/**
 * Reads what every finished phase left and puts it together.
 *
 * @throws StudyError `not-finished` where an evaluation is missing and the report is not partial, or where none is there at all
 */
export async function collectResults(study: Study, store: Store, options: CollectOptions): Promise<StudyResults> {
  const { recipe } = study;
  const read = phaseReader(study, store);
  const resamples = recipe.evaluate.bootstrapSamples;
  const evaluated = await read.evaluations(options.isPartial === true);
  const rowsOf = new Map<string, Map<number, EvalRow[]>>();
  const models: ModelResult[] = [];
  const arms: ArmResult[] = [];
  const byArm = groupByArm(evaluated);
  // Sweeps give one model several names.
  const known = new Map<string, EvalRow[]>();
  const rows = async (phase: string): Promise<EvalRow[]> => {
    const found = known.get(phase) ?? (await read.rows(phase));
    known.set(phase, found);
    return found;
  };
  for (const [id, runs] of byArm) {
    options.onNote(`intervals of ${id}`, 0.7 * (arms.length / byArm.size));
    const bySeed = new Map<number, EvalRow[]>();
    for (const { seed, phase } of runs) bySeed.set(seed, await rows(phase.id));
    const arm = recipe.arms.find((candidate) => candidate.id === id);
    const scores = runs.map(({ seed }) => scoreRows(bySeed.get(seed)!, { seed: `${seed}`, resamples }));
    arms.push({
      id,
      ...(arm ? { arm } : {}),
      seeds: runs.map(({ seed }) => seed),
      scores: armScores([...bySeed.values()], scores, { seed: `arms/${id}`, resamples }),
    });
    if (arm) rowsOf.set(id, bySeed);
    for (const [i, { seed }] of runs.entries()) {
      models.push({
        id: `${id}/seed-${seed}`,
        label: modelLabel(id, seed, recipe.seeds.length),
        ...(arm ? { arm } : {}),
        seed,
        scores: scores[i]!.filter(({ type }) => type === 'all'),
        ...(arm ? await trainingOf(`${id}/seed-${seed}`) : { curves: {}, accounts: [] }),
      });
    }
  }

  async function trainingOf(suffix: string): Promise<Omit<ModelResult, 'id' | 'label' | 'seed' | 'scores'>> {
    const phases = phasesOfArm(study, suffix)!;
    const branch = await read.record(phases.branch.id);
    const finetune = await read.record(phases.finetune.id);
    return {
      curves: { branch: await read.curve(phases.branch.id), finetune: await read.curve(phases.finetune.id) },
      accounts: [...accounts('2 · image-text', branch), ...accounts('3 · fine-tuning', finetune)],
      branchTokens: branch.summary['branchTokens'] as number,
      parameters: finetune.summary['parameters'] as number,
    };
  }

  options.onNote('comparisons and samples', 0.75);
  const { all, naive } = planStudy(study, { concurrency: 1 });
  return {
    version: 2,
    recipe,
    recipeHash: identityOf(recipe),
    arms,
    models,
    mainCurves: await read.mainCurves(),
    comparisons: compareArms(recipe, rowsOf),
    byTask: compareByTask(recipe, rowsOf),
    controls: controlComparisons(recipe, rowsOf),
    samples: await sampleAnswers(study, store, rowsOf),
    encoder: await read.summaryIfThere('encoder'),
    corpus: (await read.record('corpus')).summary,
    skipped: await read.skipped(),
    phases: await read.phases(),
    missing: await read.missing(),
    plan: { all, naive },
    versions: packageVersions(options.hash, (await read.record('corpus')).summary),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      platform: `${platform()} ${process.arch}`,
    },
  };
}

type Evaluations = Awaited<ReturnType<ReturnType<typeof phaseReader>['evaluations']>>;

/** Seeds of every arm in the recipe's order; the text model comes last. */
function groupByArm(evaluated: Evaluations): Map<string, Evaluations> {
  if (evaluated.length === 0) throw new StudyError('not-finished', 'No model of this study has been evaluated yet.');
  const groups = new Map<string, Evaluations>();
  for (const one of evaluated) groups.set(one.arm, [...(groups.get(one.arm) ?? []), one]);
  return groups;
}

function modelLabel(id: string, seed: number, seeds: number): string {
  if (id.startsWith('untouched-')) return `${id.slice('untouched-'.length)}, untouched`;
  if (seeds > 1) return `${id === 'text-model' ? 'text model' : id}, seed ${seed}`;
  return id === 'text-model' ? 'text model, no images' : id;
}

function accounts(phase: string, { summary }: PhaseRecord): TokenAccount[] {
  const mixture = summary['mixture'] as Record<
    string,
    { plannedShare: number; plannedTokens: number; deliveredTokens: number }
  >;
  const accounting = summary['accounting'] as TokenAccounting;
  return Object.entries(mixture).map(([source, figures]) => ({
    phase,
    source,
    ...figures,
    truncatedTokens: accounting.sources[source]?.truncated ?? 0,
    paddingTokens: accounting.padding,
  }));
}
