import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Study } from './graph.ts';
import { resultsFile } from './phases/report.ts';
import type { StudyResults } from './report/results.ts';
import type { Store } from './store.ts';
import { StudyError } from './study-error.ts';

/**
 * The results of a finished study.
 *
 * @throws StudyError `not-finished` with how much is missing, `store-damaged`
 */
export async function readResults(study: Study, store: Store): Promise<StudyResults> {
  const report = study.phases.find((phase) => phase.kind === 'report')!;
  if (!(await store.record(report))) {
    const records = await Promise.all(study.phases.map((phase) => store.record(phase)));
    const missing = records.filter((record) => !record).length;
    throw new StudyError(
      'not-finished',
      `${missing} of ${records.length} phases of recipe "${study.recipe.name}" are not done yet; run the study first.`,
    );
  }
  await store.fetch(report, { files: (path) => path === resultsFile });
  const path = join(store.phaseDirectory(report), resultsFile);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as StudyResults;
  } catch (error) {
    const advice = 'Delete this phase’s folder and run the study again: the report alone is made anew.';
    throw new StudyError('store-damaged', `Cannot read ${path} of a report that is finished. ${advice}`, {
      cause: error,
    });
  }
}

/**
 * Path of the report of a finished study on this machine, brought here where it is not: the study's own, not the latest of its name.
 *
 * @throws StudyError `not-finished`
 */
export async function localReport(study: Study, store: Store): Promise<string> {
  const report = study.phases.find((phase) => phase.kind === 'report')!;
  await store.fetch(report);
  return join(store.phaseDirectory(report), 'report.html');
}
