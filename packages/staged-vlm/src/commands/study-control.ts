import { type PhaseStatus, type Study, StudyError } from '@vlm/study';
import { Command } from 'commander';
import { addExecutorOptions, type ExecutorOptions, openExecutor } from '../executors.ts';
import { formatCount, formatDuration, formatTable } from '../format.ts';
import {
  commandFor,
  defaultStore,
  loadStudy,
  recipeHelp,
  type StudyOptions,
  storeHelp,
  storeOfStudy,
  sweepOption,
} from './study-options.ts';

type ControlOptions = StudyOptions & ExecutorOptions & { recipe: string };

/** `staged-vlm study status`: what is done, what runs where and how far it is, what is left. */
export function statusCommand(): Command {
  return controlCommand('status', 'which phases of a recipe are done, run, wait or failed')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--json', 'print the states as JSON')
    .action(async (name: string, options: ControlOptions) => {
      const study = await loadStudy(name, options.sweep);
      const statuses = await withExecutor(study, name, options, (executor) => executor.status(study));
      if (options.json) {
        console.log(
          JSON.stringify(
            statuses.map(({ phase, ...status }) => ({ id: phase.id, hash: phase.hash, ...status })),
            null,
            2,
          ),
        );
        return;
      }
      console.log(formatTable([['phase', 'state', 'time', 'at', 'identity'], ...statuses.map(statusRow)]));
      const count = (state: PhaseStatus['state']): number => statuses.filter((status) => status.state === state).length;
      const rest = (['running', 'queued', 'failed'] as const).filter((state) => count(state) > 0);
      console.log(
        `\n${[`${count('done')} of ${statuses.length} phases done`, ...rest.map((state) => `${count(state)} ${state}`)].join(', ')}.`,
      );
      for (const { phase, error, state } of statuses) {
        if (state === 'failed') console.error(`\n${phase.id}: ${error}`);
      }
    });
}

/** `staged-vlm study cancel`: stops a study wherever it runs. */
export function cancelCommand(): Command {
  return controlCommand('cancel', 'stop a study wherever it runs; what is finished stays')
    .argument('[recipe]', recipeHelp, 'quick')
    .action(async (name: string, options: ControlOptions) => {
      const study = await loadStudy(name, options.sweep);
      const isStopped = await withExecutor(study, name, options, (executor) => executor.cancel(study));
      console.log(
        isStopped
          ? `Cancelled. \`${commandFor('study run', name, options)}\` goes on from the last checkpoints.`
          : 'Nothing to cancel: nobody runs this study.',
      );
    });
}

/** `staged-vlm study retry`: further attempts for phases that failed. */
export function retryCommand(): Command {
  return controlCommand('retry', 'give failed phases further attempts; on this machine the next run does')
    .argument('[recipe]', recipeHelp, 'quick')
    .option('--phase <id>', 'only this one')
    .action(async (name: string, options: ControlOptions & { phase?: string }) => {
      const study = await loadStudy(name, options.sweep);
      if (options.phase !== undefined) findPhase(study, options.phase, name, options);
      const retried = await withExecutor(study, name, options, (executor) => executor.retry(study, options.phase));
      if (retried.length === 0) console.log('No phase had failed.');
      else if (options.executor !== 'local') console.log(`Tried again: ${retried.join(', ')}.`);
      else {
        const run = commandFor('study run', name, options);
        console.log(`Failed: ${retried.join(', ')}. On this machine a run tries them again by itself: \`${run}\`.`);
      }
    });
}

/** `staged-vlm study logs PHASE`: what a phase said, from any machine. */
export function logsCommand(): Command {
  return controlCommand('logs', 'what a phase said: who took it, warnings, errors, every attempt')
    .argument('<phase>', 'its id, as `study status` prints it')
    .argument('[recipe]', recipeHelp, 'quick')
    .action(async (id: string, name: string, options: ControlOptions) => {
      const study = await loadStudy(name, options.sweep);
      const phase = findPhase(study, id, name, options);
      const log = await withExecutor(study, name, options, (executor) => executor.log(phase));
      console.log(log.trimEnd() || `Phase ${id} has not begun.`);
    });
}

function controlCommand(name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .addOption(sweepOption())
    .option('--store <location>', storeHelp, defaultStore);
  return addExecutorOptions(command);
}

async function withExecutor<Result>(
  study: Study,
  name: string,
  options: ControlOptions,
  use: (executor: Awaited<ReturnType<typeof openExecutor>>) => Promise<Result>,
): Promise<Result> {
  const executor = await openExecutor(options, study, await storeOfStudy(name, options), 'fail');
  try {
    return await use(executor);
  } finally {
    await executor.close();
  }
}

function findPhase(study: Study, id: string, name: string, options: ControlOptions): Study['phases'][number] {
  const phase = study.phases.find((candidate) => candidate.id === id);
  if (phase) return phase;
  throw new StudyError(
    'bad-option',
    `There is no phase "${id}" in recipe ${study.recipe.name}. \`${commandFor('study status', name, options)}\` prints their ids.`,
  );
}

function statusRow({ phase, state, record, host, progress, failures }: PhaseStatus): string[] {
  const parts: string[] = [];
  if (host) parts.push(host);
  if (state === 'running' && progress) {
    parts.push(`${Math.round(100 * progress.fraction)} %`);
    if (progress.steps !== undefined) parts.push(`step ${progress.step ?? 0}/${progress.steps}`);
    if (progress.loss !== undefined) parts.push(`loss ${progress.loss.toFixed(3)}`);
    if (progress.rate !== undefined) parts.push(`${formatCount(progress.rate)}${progress.unit ?? 'items'}/s`);
    if (progress.note !== undefined) parts.push(progress.note);
  }
  if (failures) parts.push(`${failures} failed ${failures === 1 ? 'attempt' : 'attempts'}`);
  return [phase.id, state, record ? formatDuration(record.seconds) : '', parts.join(' · '), phase.hash];
}
