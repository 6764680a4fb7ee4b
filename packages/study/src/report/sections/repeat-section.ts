import { expandStudy } from '../../graph.ts';
import { identityOf } from '../../identity.ts';
import { presetNames, presets } from '../../presets/index.ts';
import type { Recipe } from '../../recipe.ts';
import { addSweeps } from '../../sweeps/index.ts';
import type { Cell, Section } from '../document.ts';
import type { StudyResults } from '../results.ts';

/** Name of the recipe's file beside the report. */
export const recipeFile = 'recipe.json';

/** One command that does it again, and everything that its numbers depend on. */
export function repeatSection(results: StudyResults): Section {
  const { recipe } = results;
  const skipped = Object.entries(results.skipped);
  const facts: Cell[][] = [
    [
      'versions',
      Object.entries(results.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['seeds', recipe.seeds.join(', ')],
    ['identity of the recipe', results.recipeHash],
    [
      'skipped under a policy',
      skipped.length === 0 ? 'nothing' : skipped.map(([what, n]) => `${what}: ${n}`).join(', '),
    ],
    ['encoder', summaryOf(results.encoder)],
  ];
  return {
    id: 'repeat',
    title: 'How to repeat it',
    blocks: [
      { kind: 'code', label: 'The command', text: repeatCommand(recipe) },
      {
        kind: 'paragraph',
        text: 'The same recipe, versions, number of threads and processor family give the same bits; phases that a store has already are not trained again. Where the report is made, `results.json` beside it holds every number of it as one document.',
      },
      { kind: 'table', caption: 'What the numbers depend on', head: ['', ''], rows: facts },
      {
        kind: 'details',
        summary: 'The recipe',
        blocks: [{ kind: 'code', label: 'The recipe as JSON', text: JSON.stringify(recipe, null, 2) }],
      },
    ],
  };
}

/** The preset and the sweeps where these say it all, else the recipe that lies beside the report. */
export function repeatCommand(recipe: Recipe): string {
  const identity = identityOf(recipe);
  // No preset has checkpoints of somebody else's.
  const candidates = recipe.public ? [] : presetNames;
  const preset = candidates.find(
    (name) => identityOf(expandStudy(addSweeps(presets[name]!, recipe.sweeps ?? [])).recipe) === identity,
  );
  const sweeps = recipe.sweeps ? ` --sweep ${recipe.sweeps.join(',')}` : '';
  return `npx staged-vlm study run ${preset ? `${preset}${sweeps}` : recipeFile}`;
}

function summaryOf(values: Record<string, unknown>): string {
  return Object.entries(values)
    .map(
      ([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : JSON.stringify(value)}`,
    )
    .join(', ');
}
