import { readFile } from 'node:fs/promises';
import { resolvePublicCheckpoints } from '../data/public-checkpoint.ts';
import { parseRecipe } from '../parse-recipe.ts';
import type { Recipe } from '../recipe.ts';
import { StudyError } from '../study-error.ts';
import { suggest } from '../suggest.ts';
import { paper1b, paper79m } from './paper.ts';
import { quick } from './quick.ts';
import { smoke } from './smoke.ts';
import { standard } from './standard.ts';

export const presets: Readonly<Record<string, Recipe>> = {
  smoke,
  quick,
  standard,
  'paper-79m': paper79m,
  'paper-1b': paper1b,
};

export const presetNames: readonly string[] = Object.keys(presets);

/**
 * A recipe by the name of a preset or from a JSON file.
 *
 * @param nameOrPath `quick`, or a path that ends in `.json`.
 * @returns with the identities of its public checkpoints read from their files
 * @throws StudyError `unknown-preset` with the nearest name, or `bad-recipe` with every problem of the file.
 */
export async function loadRecipe(nameOrPath: string): Promise<Recipe> {
  const preset = presets[nameOrPath];
  if (preset) return parseRecipe(preset);
  if (!nameOrPath.endsWith('.json')) {
    const near = suggest(nameOrPath, presetNames);
    throw new StudyError(
      'unknown-preset',
      `There is no preset "${nameOrPath}"${near ? `; did you mean "${near}"?` : '.'} Presets: ${presetNames.join(', ')}. A recipe of your own is a file that ends in .json.`,
    );
  }
  let text: string;
  try {
    text = await readFile(nameOrPath, 'utf8');
  } catch (error) {
    throw new StudyError('bad-recipe', `Cannot read the recipe ${nameOrPath}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new StudyError('bad-recipe', `The recipe ${nameOrPath} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return resolvePublicCheckpoints(parseRecipe(parsed));
}
