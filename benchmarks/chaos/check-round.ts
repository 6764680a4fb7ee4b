import { writeFile } from 'node:fs/promises';
import { expandStudy, loadRecipe, openStore, readPhaseLog } from '@vlm/study';
import { differences } from './same-results.ts';
import type { RoundCheck } from './storm.ts';

/** Compares a study's results in a store with those of an undisturbed run: RECIPE EXPECTED FOUND OUT. */
const [recipe = '', expected = '', found = '', out = ''] = process.argv.slice(2);
const study = expandStudy(await loadRecipe(recipe));
const store = await openStore(found);
const compared = await differences(study, await openStore(expected), store);
const logs = await Promise.all(study.phases.map((phase) => readPhaseLog(store, phase)));
const count = (log: string, words: string): number => log.split(words).length - 1;
const check: RoundCheck = {
  ...compared,
  attempts: logs.reduce((sum, log) => sum + count(log, ' begins or goes on, '), 0),
  doneTwice: logs.filter((log) => count(log, ' done after ') > 1).length,
};
await writeFile(out, JSON.stringify(check));
