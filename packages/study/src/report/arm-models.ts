import type { Arm } from '../recipe.ts';
import type { ModelResult, StudyResults } from './results.ts';

/** The models that have an arm, in the recipe's order. */
export function armModels(results: StudyResults): (ModelResult & { arm: Arm })[] {
  return results.models.filter((model): model is ModelResult & { arm: Arm } => model.arm !== undefined);
}

/**
 * The models that lie on one line over the branch point: their arms change nothing else, and 0 and 100 % re-warm while the others go on.
 * A recipe without sweeps says itself what it compares: all of its arms are on the line.
 */
export function timingModels(results: StudyResults): (ModelResult & { arm: Arm })[] {
  if (!results.recipe.sweeps) return armModels(results);
  return armModels(results).filter(({ arm: { id: _, branchPoint, schedule, ...changes } }) => {
    const isUsual = schedule === (branchPoint === 0 || branchPoint === 1 ? 'rewarm' : 'continued');
    return isUsual && Object.values(changes).every((value) => value === undefined);
  });
}
