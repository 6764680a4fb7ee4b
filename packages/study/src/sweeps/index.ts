import { canonicalJson } from '../identity.ts';
import { crossFieldProblems } from '../parse-recipe.ts';
import type { Arm, Recipe } from '../recipe.ts';
import { StudyError } from '../study-error.ts';
import { suggest } from '../suggest.ts';
import { blind } from './blind.ts';
import { budget } from './budget.ts';
import { captions } from './captions.ts';
import { encoder } from './encoder.ts';
import { epochs } from './epochs.ts';
import { fromPublic } from './from-public.ts';
import { frozen } from './frozen.ts';
import { instruction } from './instruction.ts';
import { type SweepName, sweepNames } from './names.ts';
import { ratio } from './ratio.ts';
import { scale } from './scale.ts';
import { schedule } from './schedule.ts';
import { scratch } from './scratch.ts';
import { seeds } from './seeds.ts';
import type { Sweep } from './sweep.ts';
import { timing } from './timing.ts';

export const sweeps: Readonly<Record<SweepName, Sweep>> = {
  timing,
  ratio,
  scratch,
  instruction,
  epochs,
  encoder,
  frozen,
  captions,
  seeds,
  scale,
  schedule,
  budget,
  blind,
  'from-public': fromPublic,
};

/**
 * The recipe with the arms and seeds of its sweeps written out after its own. Doing it twice changes nothing.
 *
 * @throws StudyError `bad-recipe` where a sweep and the recipe use one name for two arms, or a sweep needs what the recipe lacks.
 */
export function withSweepArms(recipe: Recipe): Recipe {
  if (!recipe.sweeps) return recipe;
  const arms = new Map<string, Arm>(recipe.arms.map((arm) => [arm.id, arm]));
  for (const name of recipe.sweeps) {
    const problem = sweeps[name].problem?.(recipe);
    if (problem) throw new StudyError('bad-recipe', `Sweep "${name}" does not fit recipe "${recipe.name}": ${problem}`);
    for (const arm of sweeps[name].arms(recipe)) {
      const known = arms.get(arm.id);
      if (known && canonicalJson(known) !== canonicalJson(arm)) {
        throw new StudyError(
          'bad-recipe',
          `Sweep "${name}" has an arm "${arm.id}", and the recipe (or another sweep) has one of that name with other settings. Rename the recipe's.`,
        );
      }
      arms.set(arm.id, arm);
    }
  }
  const problems = crossFieldProblems({ ...recipe, arms: [...arms.values()] });
  if (problems.length > 0) {
    throw new StudyError('bad-recipe', `With its sweeps recipe "${recipe.name}" does not fit: ${problems.join('; ')}`);
  }
  const seeds = new Set([...recipe.seeds, ...recipe.sweeps.flatMap((name) => sweeps[name].seeds ?? [])]);
  return { ...recipe, arms: [...arms.values()], seeds: [...seeds] };
}

/**
 * A recipe with sweeps added by name, and their names in its own, so that it gets a report of its own.
 *
 * @param names As a user types them: `timing,schedule`.
 * @throws StudyError `bad-recipe` with the nearest name for an unknown one.
 */
export function addSweeps(recipe: Recipe, names: readonly string[]): Recipe {
  for (const name of names) {
    if ((sweepNames as readonly string[]).includes(name)) continue;
    const near = suggest(name, sweepNames);
    throw new StudyError(
      'bad-recipe',
      `There is no sweep "${name}"${near ? `; did you mean "${near}"?` : '.'} Sweeps: ${sweepNames.join(', ')}.`,
    );
  }
  if (names.length === 0) return recipe;
  const sweeps = [...new Set([...(recipe.sweeps ?? []), ...(names as SweepName[])])];
  return { ...recipe, name: `${recipe.name}-${names.join('-')}`, sweeps };
}
