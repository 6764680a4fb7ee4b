import { pathToFileURL } from 'node:url';
import { localReport, readResults, type Store, type Study } from '@vlm/study';
import { resultTable } from './result-table.ts';

/** The table of a finished study, and where its report lies. */
export async function printResults(study: Study, store: Store): Promise<void> {
  const results = await readResults(study, store);
  console.log(`\n${resultTable(results)}\n`);
  const page = await localReport(study, store);
  console.log(`Report: ${page}\n        ${pathToFileURL(page).href}`);
}
