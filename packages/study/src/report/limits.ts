import { hasMainRun } from '../graph.ts';
import { presetNames, presets } from '../presets/index.ts';
import type { Recipe } from '../recipe.ts';
import { evaluatedSeeds } from './arms-of-study.ts';
import { hasRateControl } from './controls.ts';
import type { StudyResults } from './results.ts';

/** What cannot be concluded, whatever the numbers say. */
export function limits(results: StudyResults): string[] {
  const { recipe } = results;
  const seeds = evaluatedSeeds(results);
  const usesDefaultCorpus = presetNames.some((name) => presets[name]!.corpus.preset === recipe.corpus.preset);
  const sentences = usesDefaultCorpus
    ? [
        'Nothing about absolute scores: the default corpus is icon art on plain grounds and a few million words, and questions of world knowledge stay near chance. What can be compared is the order of arms at equal budgets, with intervals.',
      ]
    : [];
  sentences.push(
    seeds === 1
      ? 'Nothing about the order of arms from one seed alone: intervals vary the items asked and leave out the noise of training itself, which the paper puts at .1 to .6 VQAv2 points and which is larger at this size.'
      : `Nothing about seeds that were not trained: intervals vary the items and the ${seeds} seeds, and ${seeds} seeds say little about how far apart seeds can be.`,
    ...(recipe.encoder.kind === 'cnn' && seeds > 1
      ? [
          `Nothing about other image encoders of the same kind: all ${seeds} seeds look through one, trained once, so no interval knows how far another training of it would move an answer.`,
        ]
      : []),
    'That two arms are equal: “cannot be told apart” means that these items and seeds do not show a difference; the smallest one that they would have shown stands beside every comparison.',
    ...(hasMainRun(recipe) ? [textLengthLimit(recipe)] : []),
    ...(recipe.arms.some(({ from }) => from !== undefined) ? [publicLimit] : []),
  );
  const kinds = new Set(recipe.arms.map(({ schedule }) => schedule));
  if (kinds.size > 1) {
    const control = hasRateControl(results.controls)
      ? 'the arms re-warmed to one rate take them apart at 80 and 100 %, and at no other point'
      : 'the sweep “schedule” takes them apart and was not run here';
    sentences.push(
      `Branch point and learning rate are confounded over the whole line, as in the paper: 0 and 100 % warm up again and the others do not; ${control}.`,
    );
  }
  if (results.missing.length > 0) {
    sentences.push(`Nothing about what is not there: ${results.missing.length} phases of this study are not finished.`);
  }
  return sentences;
}

const textLengthLimit = ({ main, branch }: Recipe): string =>
  `Nothing about amounts of text: the text run is ${(main.tokens / 1e6).toFixed(2)}M tokens long and phase 2 has ${Math.round((100 * branch.tokens) / main.tokens)} % of that; in the paper phase 2 has under 1 %. Branch points compare shares of a run.`;

const publicLimit =
  'Nothing about a schedule that goes on: a public checkpoint is branched with its weights alone and warms up again, wherever it stands; what a continued rate would do cannot be asked of it. How its own data and tokenizer differ from phase 2’s is not varied either.';
