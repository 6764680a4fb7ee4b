import type { Arm } from '../recipe.ts';
import type { ModelResult, StudyResults } from './results.ts';

/** The models that have an arm, in the recipe's order. */
export function armModels(results: StudyResults): (ModelResult & { arm: Arm })[] {
  return results.models.filter((model): model is ModelResult & { arm: Arm } => model.arm !== undefined);
}
