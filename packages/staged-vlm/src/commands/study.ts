import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import {
  childProcessRunner,
  createTimeLeft,
  estimateSeconds,
  executeStudy,
  expandStudy,
  identityOf,
  loadRecipe,
  openStore,
  planStudy,
  presetNames,
  readResults,
  type Study,
  writeDuelPage,
} from '@vlm/study';
import { Command, InvalidArgumentError } from 'commander';
import { formatBytes, formatCount, formatDuration, formatTable } from '../format.ts';
import { createProgressDisplay } from '../progress-display.ts';
import { resultTable } from '../result-table.ts';

const recipeHelp = `a preset (${presetNames.join(', ')}) or the path of a recipe in JSON`;
const defaultStore = '.staged-vlm';

interface StudyOptions {
  store: string;
  workers?: number;
  json?: boolean;
}

/** `staged-vlm study plan`: what a recipe will cost, before anything runs. */
export function planCommand(): Command {
  return new Command('plan')
    .description('what a recipe will do and cost: phases, tokens, FLOPs, memory, bytes, time')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--workers <n>', 'phases at the same time', positiveInteger)
    .option('--recipe-json', 'print the recipe itself, to copy and change')
    .action(async (name: string, options: { workers?: number; recipeJson?: boolean }) => {
      const recipe = await loadRecipe(name);
      if (options.recipeJson) {
        console.log(JSON.stringify(recipe, null, 2));
        return;
      }
      const study = expandStudy(recipe);
      const workers = options.workers ?? defaultWorkers(study);
      const plan = planStudy(study, workers);
      const rows = plan.phases.map((phase) => [
        phase.id,
        `${formatCount(phase.amount)} ${phase.unit}`,
        `${formatCount(phase.flops)}FLOP`,
        formatBytes(phase.memoryBytes),
        formatBytes(phase.storeBytes),
        formatDuration(phase.seconds),
      ]);
      console.log(formatTable([['phase', 'amount', 'compute', 'memory', 'store', 'time'], ...rows]));
      console.log(
        `\n${plan.phases.length} phases · ${formatCount(plan.parameters)} parameters · ${formatCount(plan.flops)}FLOP · ` +
          `${formatBytes(plan.memoryBytes)} memory · ${formatBytes(plan.storeBytes)} on disk · about ${formatDuration(plan.seconds)} with ${workers} at a time`,
      );
    });
}

/** `staged-vlm study run`: everything that is not yet in the store. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a recipe; goes on where an earlier run was stopped')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .option('--workers <n>', 'phases at the same time', positiveInteger)
    .action(async (name: string, options: StudyOptions) => {
      const study = expandStudy(await loadRecipe(name));
      const store = await openStore(resolve(options.store));
      const unlock = await store.lock();
      const workers = options.workers ?? defaultWorkers(study);
      const estimate = (phase: Study['phases'][number]): number => estimateSeconds(study, phase);
      const display = createProgressDisplay({
        stream: process.stdout,
        phaseCount: study.phases.length,
        timeLeft: createTimeLeft(study.phases, estimate, workers),
        now: () => performance.now(),
      });
      const abort = new AbortController();
      const stopListening = stopOnSignals(abort);
      console.log(
        `Recipe ${study.recipe.name} (${identityOf(study.recipe)}), store ${store.directory}, ${workers} phases at a time.`,
      );
      try {
        await executeStudy(study, {
          store,
          runner: childProcessRunner(store),
          concurrency: workers,
          estimate,
          runsAlone: (phase) => phase.kind === 'corpus',
          onEvent: (event) => display.show(event),
          signal: abort.signal,
        });
      } finally {
        display.close();
        stopListening();
        await unlock();
      }
      await printResults(study, store);
    });
}

/** `staged-vlm study status`: what is done and what is left. */
export function statusCommand(): Command {
  return new Command('status')
    .description('which phases of a recipe are in the store')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .action(async (name: string, options: StudyOptions) => {
      const study = expandStudy(await loadRecipe(name));
      const store = await openStore(resolve(options.store));
      const records = await Promise.all(study.phases.map((phase) => store.record(phase)));
      const rows = study.phases.map((phase, i) => [
        phase.id,
        records[i] ? 'done' : 'to do',
        records[i] ? formatDuration(records[i].seconds) : '',
        phase.hash,
      ]);
      console.log(formatTable([['phase', 'state', 'time', 'identity'], ...rows]));
      console.log(`\n${records.filter(Boolean).length} of ${records.length} phases done.`);
    });
}

/** `staged-vlm study report`: the table and the path of a finished study's report. */
export function reportCommand(): Command {
  return new Command('report')
    .description('print the table of a finished study and where its report lies')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .option('--json', 'print results.json instead')
    .action(async (name: string, options: StudyOptions) => {
      const study = expandStudy(await loadRecipe(name));
      const store = await openStore(resolve(options.store));
      if (options.json) console.log(JSON.stringify(await readResults(study, store), null, 2));
      else await printResults(study, store);
    });
}

/** `staged-vlm study compare`: two models' answers side by side, as a page. */
export function compareCommand(): Command {
  return new Command('compare')
    .description('write a page of what two models answered, question by question, with the pictures')
    .argument('<a>', 'an arm (branch-80), an arm and seed (branch-80/seed-124), or text-model')
    .argument('<b>', 'the other one')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .action(async (a: string, b: string, name: string, options: StudyOptions) => {
      const study = expandStudy(await loadRecipe(name));
      const page = await writeDuelPage(study, await openStore(resolve(options.store)), a, b);
      console.log(`Page: ${page}\n      ${pathToFileURL(page).href}`);
    });
}

async function printResults(study: Study, store: Awaited<ReturnType<typeof openStore>>): Promise<void> {
  const results = await readResults(study, store);
  console.log(`\n${resultTable(results)}\n`);
  const page = join(store.directory, 'reports', study.recipe.name, 'report.html');
  console.log(`Report: ${page}\n        ${pathToFileURL(page).href}`);
}

/** As many phases at a time as there are cores for their threads. */
function defaultWorkers(study: Study): number {
  return Math.max(1, Math.floor(availableParallelism() / study.recipe.threads));
}

/** The first Ctrl-C asks the phases to write a checkpoint and stop; the second does not wait. */
function stopOnSignals(abort: AbortController): () => void {
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(130);
    console.error(
      '\nStopping: phases write a checkpoint first. Press Ctrl-C again to leave at once (nothing finished is lost).',
    );
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1');
  return value;
}
