import type { SweepName } from '../sweeps/names.ts';
import type { Figure, ReportDocument } from './document.ts';
import { limits } from './limits.ts';
import type { StudyResults } from './results.ts';
import { answerSection } from './sections/answer-section.ts';
import { comparisonTable } from './sections/comparison-table.ts';
import { costsSection } from './sections/costs-section.ts';
import { designSection } from './sections/design-section.ts';
import { pointsSection } from './sections/points-section.ts';
import { recipeFile, repeatSection } from './sections/repeat-section.ts';
import { scoresSection } from './sections/scores-section.ts';
import { sweepSections } from './sections/sweep-sections.ts';
import { trainingSection } from './sections/training-section.ts';
import { sweepFigure } from './sweep-figure.ts';
import { headlineFigure, splitFigure, taskFigure, textFigure, typeFigures } from './timing-figures.ts';
import { lossFigure, scheduleFigure } from './training-figures.ts';

/** Every figure of a report, drawn. */
export interface ReportFigures {
  headline: Figure;
  scores: Figure[];
  sweeps: Map<SweepName, Figure>;
  types: Figure[];
  training: Figure[];
}

/** Draws all figures of a study. */
export async function drawFigures(results: StudyResults): Promise<ReportFigures> {
  const sweeps = new Map<SweepName, Figure>();
  for (const name of results.recipe.sweeps ?? []) {
    // The first page has the figure of the branch points.
    if (name !== 'timing') sweeps.set(name, await sweepFigure(results, name));
  }
  const figures = {
    headline: await headlineFigure(results),
    scores: await Promise.all([taskFigure(results), splitFigure(results), textFigure(results)]),
    sweeps,
    types: await Promise.all(typeFigures(results)),
    training: [await scheduleFigure(results), await lossFigure(results)],
  };
  return figures;
}

export function allFigures({ headline, scores, sweeps, types, training }: ReportFigures): Figure[] {
  return [headline, ...sweeps.values(), ...scores, ...types, ...training];
}

/** The whole report, before it has a form. */
export function reportDocument(results: StudyResults, figures: ReportFigures): ReportDocument {
  const { recipe } = results;
  const sweeps = sweepSections(results, figures.sweeps);
  return {
    title: 'When should a language model first see images?',
    eyebrow: `staged-vlm · recipe ${recipe.name} · ${results.recipeHash}`,
    lead: recipe.sweeps
      ? `${recipe.description} Here with the ${recipe.sweeps.length > 1 ? 'sweeps' : 'sweep'} ${recipe.sweeps.join(', ')} and ${recipe.seeds.length === 1 ? 'seed' : 'seeds'} ${recipe.seeds.join(', ')}.`
      : recipe.description,
    sections: [
      answerSection(results, figures.headline),
      { id: 'limits', title: 'What cannot be concluded', blocks: [{ kind: 'list', items: limits(results) }] },
      designSection(results),
      ...(sweeps.length > 0 ? [{ id: 'sweeps', title: 'Sweep by sweep', blocks: [], sections: sweeps }] : []),
      scoresSection(results, figures.scores),
      ...(sweeps.length > 0 ? [] : [comparisonsSection(results)]),
      pointsSection(results, figures.types),
      trainingSection(results, figures.training),
      costsSection(results),
      repeatSection(results),
    ],
    footer: [{ kind: 'links', links: reportTwins.map((name) => ({ href: name, text: name })) }],
  };
}

function comparisonsSection(results: StudyResults) {
  const rows = results.comparisons.filter(({ family }) => family === 'recipe');
  const caption = `Every arm against ${rows[0]?.b ?? 'the latest'}, paired on the same items; verdicts and p corrected for their number (Holm), intervals not`;
  return {
    id: 'comparisons',
    title: 'Arm against arm',
    blocks: [comparisonTable(caption, rows)],
  };
}

/** The same numbers for machines, beside the report; `results.json` is left out, for it is large and copies of a report often go without it. */
export const reportTwins: readonly string[] = [
  'report.md',
  'scores.csv',
  'comparisons.csv',
  'tokens.csv',
  'phases.csv',
  'curves.csv',
  recipeFile,
];
