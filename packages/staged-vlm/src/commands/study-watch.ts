import { watchStudy } from '@vlm/study';
import { Command } from 'commander';
import { addExecutorOptions, type ExecutorOptions, openExecutor } from '../executors.ts';
import {
  defaultStore,
  loadStudy,
  portNumber,
  recipeHelp,
  type StudyOptions,
  storeHelp,
  storeOfStudy,
  sweepOption,
} from './study-options.ts';

/** `staged-vlm study watch`: a page that follows a study, from any terminal. */
export function watchCommand(): Command {
  const command = new Command('watch')
    .description('serve a page on localhost that follows a study while it runs; stop it with Ctrl-C')
    .argument('[recipe]', recipeHelp, 'quick')
    .addOption(sweepOption())
    .option('--store <location>', storeHelp, defaultStore)
    .option('--port <n>', 'port of localhost, 0 for any that is free', portNumber, 4180);
  return addExecutorOptions(command).action(watch);
}

async function watch(name: string, options: StudyOptions & ExecutorOptions & { port: number }): Promise<void> {
  const study = await loadStudy(name, options.sweep);
  const store = await storeOfStudy(name, options);
  const executor = await openExecutor(options, study, store, 'wait');
  const server = await watchStudy(study, store, options.port, () => executor.status(study));
  console.log(`Watching recipe ${study.recipe.name} at ${server.url} (Ctrl-C ends the watching, not the study).`);
  await new Promise<void>((done) => {
    process.once('SIGINT', done);
    process.once('SIGTERM', done);
  });
  await server.close();
  await executor.close();
}
