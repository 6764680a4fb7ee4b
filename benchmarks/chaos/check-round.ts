import { writeFile } from 'node:fs/promises';
import { expandStudy, finishedRecords, loadRecipe, openStore, readPhaseLog } from '@vlm/study';
import { type Difference, differences } from './same-results.ts';

/** What a comparison of a study's results with those of an undisturbed run found. */
export interface RoundCheck {
  /** Phases whose files were compared: all but the report, which names times and machines. */
  phases: number;
  files: number;
  bytes: number;
  differences: Difference[];
  /** Attempts that began, as the phases' logs tell; attempts of lost machines that saved nothing are not among them. */
  attempts: number;
  /** Phases whose log tells of two attempts that came to the end. */
  doneTwice: number;
  /** Phases by the machine that finished them. */
  machines: Record<string, number>;
}

/** Compares a study's results in a store with those of an undisturbed run: RECIPE EXPECTED FOUND OUT. */
const [recipe = '', expected = '', found = '', out = ''] = process.argv.slice(2);
const study = expandStudy(await loadRecipe(recipe));
const store = await openStore(found);
const compared = await differences(study, await openStore(expected), store);
const logs = await Promise.all(study.phases.map((phase) => readPhaseLog(store, phase)));
const count = (log: string, words: string): number => log.split(words).length - 1;
const records = await finishedRecords(study.phases, store);
const machines: Record<string, number> = {};
for (const { hardware } of records.values()) {
  const host = hardware?.host ?? 'unknown';
  machines[host] = (machines[host] ?? 0) + 1;
}
const check: RoundCheck = {
  phases: study.phases.filter(({ kind }) => kind !== 'report').length,
  ...compared,
  attempts: logs.reduce((sum, log) => sum + count(log, ' begins or goes on, '), 0),
  doneTwice: logs.filter((log) => count(log, ' done after ') > 1).length,
  machines,
};
await writeFile(out, JSON.stringify(check));
