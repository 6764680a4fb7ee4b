import { pathToFileURL } from 'node:url';
import {
  addSweeps,
  calibrate,
  calibratedRate,
  loadRecipe,
  planStudy,
  readResults,
  type StudyPlan,
  writeDuelPage,
  writePartialReport,
} from '@vlm/study';
import { Command, Option } from 'commander';
import { formatBytes, formatCount, formatDuration, formatTable } from '../format.ts';
import { printResults } from '../print-results.ts';
import {
  defaultStore,
  defaultWorkers,
  existingStore,
  loadStudy,
  positiveInteger,
  recipeHelp,
  type StudyOptions,
  storeHelp,
  sweepOption,
  withFinished,
} from './study-options.ts';

interface PlanCommandOptions extends StudyOptions {
  recipeJson?: boolean;
  calibrate?: boolean;
}

/** `staged-vlm study plan`: what a recipe will cost, before anything runs. */
export function planCommand(): Command {
  return new Command('plan')
    .description('what a recipe will do and cost: phases, tokens, FLOPs, memory, bytes, time')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <location>', 'whose finished phases are not planned again', defaultStore)
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
      const store = await existingStore(options.store, options.calibrate === true);
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
        `${phase.isAtLeast ? '≥ ' : ''}${formatCount(phase.amount)} ${phase.unit}`,
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

/** `staged-vlm study report`: the table and the path of a finished study's report. */
export function reportCommand(): Command {
  return new Command('report')
    .description('print the table of a finished study and where its report lies')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <location>', storeHelp, defaultStore)
    .addOption(new Option('--json', 'print results.json instead').conflicts('partial'))
    .option('--partial', 'write a report of what there is of a study that is not finished')
    .action(async (name: string, options: StudyOptions & { partial?: boolean }) => {
      const study = await loadStudy(name, options.sweep);
      await withFinished(name, options, async (store) => {
        if (options.partial) printPage('Report of what there is', await writePartialReport(study, store));
        else if (options.json) console.log(JSON.stringify(await readResults(study, store), null, 2));
        else await printResults(study, store);
      });
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
    .option('--store <location>', storeHelp, defaultStore)
    .action(async (a: string, b: string, name: string, options: StudyOptions) => {
      const study = await loadStudy(name, options.sweep);
      printPage('Page', await withFinished(name, options, (store) => writeDuelPage(study, store, a, b)));
    });
}

/** What sharing saves, and the hours on an A100. */
function sharingLines({ phases, all, toDo, naive, decoderParameters }: StudyPlan): string {
  const shared = phases.filter(({ models }) => models > 1).length;
  const cost = ({ trainingTokens, flops }: StudyPlan['all']): string =>
    `${formatCount(trainingTokens)} training tokens, ${formatCount(flops)}FLOP`;
  return [
    `Shared by several models: ${shared} of ${all.phases} phases; in the store already: ${all.phases - toDo.phases}; to do: ${toDo.phases} (${cost(toDo)}).`,
    `In all ${cost(all)}; every model by itself would be ${naive.phases} phases, ${cost(naive)}: ${(naive.flops / all.flops).toFixed(1)} times as much.`,
    `Decoder ${decoderParameters.toLocaleString('en')} parameters; on A100s about ${formatCount(all.a100Hours)} h (every model by itself ${formatCount(naive.a100Hours)} h) at the utilisation of Pythia-1B.`,
  ].join('\n');
}

function printPage(what: string, path: string): void {
  console.log(`${what}: ${path}\n${' '.repeat(what.length + 2)}${pathToFileURL(path).href}`);
}
