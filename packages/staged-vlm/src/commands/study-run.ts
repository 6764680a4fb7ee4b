import { performance } from 'node:perf_hooks';
import {
  calibratedRate,
  createTimeLeft,
  estimateSeconds,
  identityOf,
  openStore,
  type Phase,
  partOfStudy,
} from '@vlm/study';
import { Command } from 'commander';
import { addExecutorOptions, type ExecutorOptions, openExecutor } from '../executors.ts';
import { printResults } from '../print-results.ts';
import { createProgressDisplay } from '../progress-display.ts';
import {
  commandFor,
  defaultStore,
  defaultWorkers,
  loadStudy,
  positiveInteger,
  recipeHelp,
  type StudyOptions,
  storeHelp,
  sweepOption,
} from './study-options.ts';

/** `staged-vlm study run`: everything that is not yet in the store. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('run a recipe; goes on where an earlier run was stopped')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <location>', storeHelp, defaultStore)
    .option('--workers <n>', 'local: phases at the same time', positiveInteger)
    .option('--attempts <n>', 'local: how often a phase is tried before it counts as failed', positiveInteger)
    .option(
      '--only <models>',
      'local: these arms (branch-80) or single seeds (branch-80/seed-124) first, with commas',
      (text) => text.split(','),
    )
    .option('--detach', 'bullmq: hand the study over and return; workers do the rest');
  return addExecutorOptions(command).action(runStudy);
}

type RunOptions = StudyOptions & ExecutorOptions;

async function runStudy(name: string, options: RunOptions): Promise<void> {
  const whole = await loadStudy(name, options.sweep);
  const study = options.only ? partOfStudy(whole, options.only) : whole;
  const store = await openStore(options.store);
  const rate = await calibratedRate(study.recipe, store);
  const estimate = (phase: Phase): number => estimateSeconds(study, phase, rate);
  const isLocal = options.executor === 'local';
  for (const { pid, host } of isLocal ? await store.runs() : []) {
    console.log(
      `Process ${pid} on ${host} runs in this store too: no phase is done twice, each waits for the other's.`,
    );
  }
  const abort = new AbortController();
  const stopListening = stopOnSignals(abort, isLocal);
  try {
    const executor = await openExecutor(options, study, store, 'wait');
    try {
      if (options.detach && executor.submit) {
        await executor.submit(study, { estimate });
        console.log(`Handed over. \`${commandFor('study status', name, options)} …\` tells how far it is.`);
        return;
      }
      const workers = options.workers ?? defaultWorkers(study);
      console.log(
        `Recipe ${study.recipe.name} (${identityOf(study.recipe)}), store ${store.location}, ` +
          (isLocal ? `${workers} ${workers === 1 ? 'phase' : 'phases'} at a time.` : `by ${executor.name}.`),
      );
      const display = createProgressDisplay({
        stream: process.stdout,
        phaseCount: study.phases.length,
        timeLeft: createTimeLeft(study.phases, estimate, workers),
        now: () => performance.now(),
      });
      try {
        await executor.run(study, { estimate, onEvent: (event) => display.show(event), signal: abort.signal });
      } finally {
        display.close();
      }
    } finally {
      await executor.close();
    }
  } finally {
    stopListening();
  }
  if (options.only) {
    const report = `${commandFor('study report', name, options)} --partial`;
    console.log(
      `\nDone: ${options.only.join(', ')}. The same command without --only does the rest; \`${report}\` shows what there is.`,
    );
  } else await printResults(study, store);
}

/** The first Ctrl-C asks the phases to write a checkpoint and stop; the second does not wait. */
function stopOnSignals(abort: AbortController, isLocal: boolean): () => void {
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(130);
    if (isLocal) {
      console.error(
        '\nStopping: phases write a checkpoint first. Press Ctrl-C again to leave at once (nothing finished is lost).',
      );
    }
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}
