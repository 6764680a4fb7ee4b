import { Command, CommanderError } from 'commander';
import { askCommand } from './commands/ask.ts';
import { doctorCommand } from './commands/doctor.ts';
import { compareCommand, planCommand, reportCommand } from './commands/study.ts';
import { cancelCommand, logsCommand, retryCommand, statusCommand } from './commands/study-control.ts';
import { runCommand } from './commands/study-run.ts';
import { watchCommand } from './commands/study-watch.ts';
import { taskCommand } from './commands/task.ts';
import { workerCommand } from './commands/worker.ts';

const program = new Command('staged-vlm')
  .description('When should a language model first see images? Train, branch, evaluate, report.')
  .showHelpAfterError()
  .exitOverride();

const study = program.command('study').description('plan, run, watch and report a study');
study.addCommand(planCommand());
study.addCommand(runCommand());
study.addCommand(statusCommand());
study.addCommand(logsCommand());
study.addCommand(watchCommand());
study.addCommand(cancelCommand());
study.addCommand(retryCommand());
study.addCommand(reportCommand());
study.addCommand(compareCommand());
program.addCommand(workerCommand());
program.addCommand(taskCommand(), { hidden: true });
program.addCommand(askCommand());
program.addCommand(doctorCommand());

// Who reads may leave, as `head` does: a study goes on without being looked at.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}

/** One readable message; the stack only on request. */
function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  const { message, stack, code } = error as Error & { code?: string };
  if (code === 'interrupted') {
    console.error(`\n${message}`);
    return 130;
  }
  console.error(`\n${process.env['STAGED_VLM_DEBUG'] ? stack : message}`);
  return 1;
}
