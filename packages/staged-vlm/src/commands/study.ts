import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import {
  addSweeps,
  calibrate,
  calibratedRate,
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
  type Store,
  type Study,
  type StudyPlan,
  sweepNames,
  watchStudy,
  writeDuelPage,
} from '@vlm/study';
import { Command, InvalidArgumentError, Option } from 'commander';
import { formatBytes, formatCount, formatDuration, formatTable } from '../format.ts';
import { createProgressDisplay } from '../progress-display.ts';
import { resultTable } from '../result-table.ts';

const recipeHelp = `a preset (${presetNames.join(', ')}) or the path of a recipe in JSON`;
const defaultStore = '.staged-vlm';

interface StudyOptions {
  store: string;
  workers?: number;
  json?: boolean;
  sweep?: string[];
}

interface PlanCommandOptions extends StudyOptions {
  recipeJson?: boolean;
  calibrate?: boolean;
}

const sweepOption = (): Option =>
  new Option('--sweep <names>', `sweeps to add, with commas: ${sweepNames.join(', ')}`).argParser((text) =>
    text.split(','),
  );

async function loadStudy(name: string, sweeps: readonly string[] = []): Promise<Study> {
  return expandStudy(addSweeps(await loadRecipe(name), sweeps));
}

/** `staged-vlm study plan`: what a recipe will cost, before anything runs. */
export function planCommand(): Command {
  return new Command('plan')
    .description('what a recipe will do and cost: phases, tokens, FLOPs, memory, bytes, time')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <folder>', 'whose finished phases are not planned again', defaultStore)
    .option('--workers <n>', 'phases at the same time', positiveInteger)
    .option('--calibrate', 'time three training steps of this recipe first, and remember the rate in the store')
    .option('--json', 'print the plan as JSON')
    .option('--recipe-json', 'print the recipe itself, to copy and change')
    .action(async (name: string, options: PlanCommandOptions) => {
      if (options.recipeJson) {
        console.log(JSON.stringify(addSweeps(await loadRecipe(name), options.sweep ?? []), null, 2));
        return;
      }
      const study = await loadStudy(name, options.sweep);
      const workers = options.workers ?? defaultWorkers(study);
      const store = await existingStore(resolve(options.store), options.calibrate === true);
      if (store && options.calibrate) await calibrate(study.recipe, store);
      const records = store ? await Promise.all(study.phases.map((phase) => store.record(phase))) : [];
      const trainingFlopsPerSecond = store && (await calibratedRate(study.recipe, store));
      const plan = planStudy(study, {
        concurrency: workers,
        finished: new Set(records.flatMap((record) => (record ? [record.hash] : []))),
        trainingFlopsPerSecond,
      });
      if (options.json) {
        console.log(JSON.stringify({ recipe: study.recipe.name, workers, trainingFlopsPerSecond, ...plan }, null, 2));
        return;
      }
      const rows = plan.phases.map((phase) => [
        phase.id,
        `${formatCount(phase.amount)} ${phase.unit}`,
        `${formatCount(phase.flops)}FLOP`,
        formatBytes(phase.memoryBytes),
        formatBytes(phase.storeBytes),
        formatDuration(phase.seconds),
        String(phase.models),
        phase.finished ? 'done' : '',
      ]);
      console.log(formatTable([['phase', 'amount', 'compute', 'memory', 'store', 'time', 'models', ''], ...rows]));
      console.log(
        `\n${plan.phases.length} phases · ${formatCount(plan.parameters)} parameters · ${formatCount(plan.flops)}FLOP · ` +
          `${formatBytes(plan.memoryBytes)} memory · ${formatBytes(plan.storeBytes)} on disk · about ${formatDuration(plan.seconds)} with ${workers} at a time` +
          (trainingFlopsPerSecond ? ` at ${formatCount(trainingFlopsPerSecond)}FLOP/s, as measured here` : ''),
      );
      console.log(sharingLines(plan));
    });
}

/** `staged-vlm study run`: everything that is not yet in the store. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a recipe; goes on where an earlier run was stopped')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .option('--workers <n>', 'phases at the same time', positiveInteger)
    .action(async (name: string, options: StudyOptions) => {
      const study = await loadStudy(name, options.sweep);
      const store = await openStore(resolve(options.store));
      const rate = await calibratedRate(study.recipe, store);
      const unlock = await store.lock();
      const workers = options.workers ?? defaultWorkers(study);
      const estimate = (phase: Study['phases'][number]): number => estimateSeconds(study, phase, rate);
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
    .addOption(sweepOption())
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .action(async (name: string, options: StudyOptions) => {
      const study = await loadStudy(name, options.sweep);
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
    .addOption(sweepOption())
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .option('--json', 'print results.json instead')
    .action(async (name: string, options: StudyOptions) => {
      const study = await loadStudy(name, options.sweep);
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
    .addOption(sweepOption())
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .action(async (a: string, b: string, name: string, options: StudyOptions) => {
      const study = await loadStudy(name, options.sweep);
      const page = await writeDuelPage(study, await openStore(resolve(options.store)), a, b);
      console.log(`Page: ${page}\n      ${pathToFileURL(page).href}`);
    });
}

/** `staged-vlm study watch`: a page that follows a study, from any terminal. */
export function watchCommand(): Command {
  return new Command('watch')
    .description('serve a page on localhost that follows a study while it runs; stop it with Ctrl-C')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <folder>', 'where everything is kept', defaultStore)
    .option('--port <n>', 'port of localhost', positiveInteger, 4180)
    .action(async (name: string, options: StudyOptions & { port: number }) => {
      const study = await loadStudy(name, options.sweep);
      const store = await existingStore(resolve(options.store), false);
      if (!store) {
        throw new Error(
          `There is no store in ${resolve(options.store)} yet. Start one with \`staged-vlm study run ${name}\`, or name another with --store.`,
        );
      }
      const server = await watchStudy(study, store, options.port);
      console.log(`Watching recipe ${study.recipe.name} at ${server.url} (Ctrl-C ends the watching, not the study).`);
      await new Promise<void>((done) => {
        process.once('SIGINT', done);
        process.once('SIGTERM', done);
      });
      await server.close();
    });
}

/** The store to plan against, if there is one or one is wanted: planning alone makes no folder. */
async function existingStore(directory: string, isWanted: boolean): Promise<Store | undefined> {
  return isWanted || existsSync(join(directory, 'store.json')) ? openStore(directory) : undefined;
}

/** What sharing saves, and the hours on an A100. */
function sharingLines({ phases, all, toDo, naive, decoderParameters }: StudyPlan): string {
  const shared = phases.filter(({ models }) => models > 1).length;
  const cost = ({ trainingTokens, flops }: StudyPlan['all']): string =>
    `${formatCount(trainingTokens)} training tokens, ${formatCount(flops)}FLOP`;
  return [
    `Shared by several models: ${shared} of ${all.phases} phases; in the store already: ${all.phases - toDo.phases}; to do: ${toDo.phases} (${cost(toDo)}).`,
    `In all ${cost(all)}; every model by itself would be ${naive.phases} phases, ${cost(naive)}: ${(naive.flops / all.flops).toFixed(1)} times as much.`,
    `Decoder ${decoderParameters.toLocaleString('en')} parameters; on A100s about ${formatCount(all.a100Hours)} h (every model by itself ${formatCount(naive.a100Hours)} h) at the utilisation of the Pythia model nearest in size.`,
  ].join('\n');
}

async function printResults(study: Study, store: Store): Promise<void> {
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
