import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Study } from '../graph.ts';
import { identityOf } from '../identity.ts';
import { collectResults } from '../report/collect-results.ts';
import { csvTables } from '../report/csv-tables.ts';
import { renderHtml } from '../report/render-html.ts';
import { figurePath, renderMarkdown, samplePath } from '../report/render-markdown.ts';
import { allFigures, drawFigures, reportDocument } from '../report/report-document.ts';
import type { StudyResults } from '../report/results.ts';
import { recipeFile } from '../report/sections/repeat-section.ts';
import type { PhaseContext } from '../run-phase.ts';
import { writeWhole } from '../store/whole-file.ts';
import type { Store } from '../store.ts';

export const resultsFile = 'results.json';

/** Where a reader finds the latest finished report of a recipe of that name, beside the phases of a store. */
const latestFolder = ({ recipe }: Study): string => `reports/${recipe.name}`;

/** Where pages about a study lie that are written on request. Recipes of one name may be of several studies. */
export const pagesFolder = (study: Study): string => `${latestFolder(study)}/${identityOf(study.recipe)}`;

/** Gathers every number, draws the figures and writes the report: HTML and Markdown for people, JSON, CSV and SVG for everything else. */
export async function runReport(context: PhaseContext): Promise<Record<string, unknown>> {
  const { study, store, directory } = context;
  const results = await collectResults(study, store, {
    hash: context.phase.hash,
    onNote: (note, fraction) => context.onProgress({ fraction, note }),
  });
  const files = await reportFiles(results);
  for (const [name, content] of files) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, content);
  }
  await publish(store, latestFolder(study), files);
  return { models: results.models.length, files: files.size };
}

/**
 * Writes a report of what there is of a study that is not finished; what is missing is named on its first page.
 *
 * @returns the path of its page
 * @throws StudyError `not-finished` where no model has been evaluated yet
 */
export async function writePartialReport(
  study: Study,
  store: Store,
  onNote: (note: string, fraction: number) => void = () => {},
): Promise<string> {
  const results = await collectResults(study, store, { hash: 'partial', isPartial: true, onNote });
  return publish(store, `${pagesFolder(study)}/partial`, await reportFiles(results));
}

/** Everything that a report consists of, by path. */
async function reportFiles(results: StudyResults): Promise<Map<string, string | Uint8Array>> {
  const figures = await drawFigures(results);
  const report = reportDocument(results, figures);
  return new Map<string, string | Uint8Array>([
    ['report.html', renderHtml(report)],
    ['report.md', renderMarkdown(report)],
    [resultsFile, `${JSON.stringify(results)}\n`],
    [recipeFile, `${JSON.stringify(results.recipe, null, 2)}\n`],
    ...Object.entries(csvTables(results)),
    ...allFigures(figures).flatMap((figure) =>
      figure.panels.map(({ svg }, i): [string, string] => [figurePath(figure, i), svg]),
    ),
    ...results.samples
      .filter(({ image }) => image !== '')
      .map(({ itemId, image }): [string, Uint8Array] => [samplePath({ id: itemId }), Buffer.from(image, 'base64')]),
  ]);
}

/** Puts a report where its readers look for it. @returns the path of its page */
async function publish(store: Store, folder: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<string> {
  let page = '';
  for (const [name, content] of files) {
    const path = await store.writeShared(`${folder}/${name}`, content);
    if (name === 'report.html') page = path;
  }
  return page;
}
