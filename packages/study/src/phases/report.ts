import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectResults } from '../report/collect-results.ts';
import { drawFigures } from '../report/figures.ts';
import { reportPage } from '../report/report-page.ts';
import { scoresCsv } from '../report/scores-csv.ts';
import type { PhaseContext } from '../run-phase.ts';
import { writeJson, writeWhole } from '../store/whole-file.ts';

export const resultsFile = 'results.json';

/** Where a reader finds the latest report of a recipe, beside the phases of a store. */
export const reportFolder = (recipeName: string): string => `reports/${recipeName}`;

/** Gathers every number, draws the figures and writes the report: HTML for people, JSON, CSV and SVG for everything else. */
export async function runReport(context: PhaseContext): Promise<Record<string, unknown>> {
  const { study, store, directory } = context;
  const results = await collectResults(study, store, context.phase.hash, (note) =>
    context.onProgress({ fraction: 0.3, note }),
  );
  const figures = await drawFigures(results);
  const files = new Map<string, string>([
    ['report.html', reportPage(results, figures)],
    ['scores.csv', scoresCsv(results)],
    ...figures.map((figure): [string, string] => [`figures/${figure.id}.svg`, figure.svg]),
  ]);
  for (const [name, content] of files) await writeWhole(join(directory, name), content);
  await writeJson(join(directory, resultsFile), results);
  const folder = reportFolder(study.recipe.name);
  for (const name of [...files.keys(), resultsFile])
    await store.writeShared(`${folder}/${name}`, await readFile(join(directory, name)));
  return { models: results.models.length, figures: figures.length };
}
