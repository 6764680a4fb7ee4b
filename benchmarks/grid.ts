import { writeFile } from 'node:fs/promises';
import { addSweeps, expandStudy, planStudy, presets, type Study, sweepNames } from '@vlm/study';
import { gridFigure } from './grid/figure.ts';
import { type GridPhase, simulate } from './grid/simulate.ts';

/**
 * The most GPUs that one training phase is spread over, by preset. An assumption: with its batch of 256 sequences the 1.4B model has two on
 * each of 128 GPUs; the 79M model stays within one machine of eight.
 */
const mostGpus: Record<string, number> = { 'paper-79m': 8, 'paper-1b': 128 };
/** The grid is of text runs and small encoders of the recipe's own: no public checkpoints, and no encoder that learns with the decoder. */
const asked = sweepNames.filter((name) => name !== 'from-public' && name !== 'frozen');
const clusters = [8, 16, 32, 64, 128, 256, 512];

/** `npm run bench -- grid`: how long the paper's grid of models would take on clusters of A100s, by the planner's times. */
export async function gridBenchmark(): Promise<void> {
  // The small model with these sweeps and three seeds, the large one with them at one seed.
  const small = studyOf('paper-79m', asked);
  const large = studyOf(
    'paper-1b',
    asked.filter((name) => name !== 'seeds'),
  );
  const phases = [...gridPhases(small, 'paper-79m'), ...gridPhases(large, 'paper-1b')];
  const models = modelsOf(small) + modelsOf(large);
  const results = clusters.map((gpus) => simulate(phases, gpus));
  const gpuHours = phases.reduce((sum, phase) => sum + phase.gpuHours, 0);
  const alone = [small, large].reduce((sum, study) => sum + planStudy(study, { concurrency: 1 }).naive.a100Hours, 0);
  console.log(
    `${models} models (${modelsOf(small)} of 79M, ${modelsOf(large)} of 1.4B), ${phases.length} phases, ` +
      `${Math.round(gpuHours).toLocaleString('en')} A100 hours; every model by itself ${Math.round(alone).toLocaleString('en')}.`,
  );
  console.table(
    results.map(({ gpus, makespanHours, utilisation, workBoundHours, chainBoundHours }) => ({
      GPUs: gpus,
      'makespan, days': Number((makespanHours / 24).toFixed(1)),
      'utilisation, %': Number((100 * utilisation).toFixed(1)),
      'all work on all GPUs, days': Number((workBoundHours / 24).toFixed(1)),
      'longest chain, days': Number((chainBoundHours / 24).toFixed(1)),
    })),
  );
  console.log(`Longest chain: ${results.at(-1)!.chain.join(' → ')}`);
  const file = new URL('../docs/images/grid.svg', import.meta.url);
  await writeFile(file, await gridFigure(results, models));
  console.log(`Figure: ${file.pathname}`);
}

function studyOf(preset: string, names: readonly string[]): Study {
  return expandStudy(addSweeps(presets[preset]!, names));
}

function modelsOf({ recipe }: Study): number {
  return recipe.arms.length * recipe.seeds.length;
}

/** Phases of a study with names of their own, so that two studies can share a cluster; what a GPU does not do costs no GPU. */
function gridPhases(study: Study, preset: string): GridPhase[] {
  const plan = new Map(planStudy(study, { concurrency: 1 }).phases.map((phase) => [phase.id, phase]));
  const named = (id: string): string => `${preset}: ${id}`;
  return study.phases.map((phase) => ({
    phase: {
      ...phase,
      id: named(phase.id),
      parents: Object.fromEntries(Object.entries(phase.parents).map(([role, id]) => [role, named(id)])),
      ...(phase.continues === undefined ? {} : { continues: named(phase.continues) }),
    },
    gpuHours: plan.get(phase.id)!.a100Hours,
    mostGpus: mostGpus[preset]!,
  }));
}
