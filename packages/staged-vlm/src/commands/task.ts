import { childProcessRunner, openStore } from '@vlm/study';
import { Command } from 'commander';
import { loadOptional } from '../load-optional.ts';

/** `staged-vlm task FILE`: what a job of Slurm runs on its node. Not for people; `study run --executor slurm` submits it. */
export function taskCommand(): Command {
  return new Command('task')
    .description('run one phase as a job of Slurm')
    .argument('<file>', 'what the submitter wrote')
    .requiredOption('--store <location>', 'where everything is kept')
    .action(async (taskFile: string, options: { store: string }) => {
      const { requeueThisJob, runTask } = await loadOptional(
        '@vlm/executor-slurm',
        () => import('@vlm/executor-slurm'),
      );
      const abort = new AbortController();
      let isTimeUp = false;
      process.on('SIGTERM', () => abort.abort());
      // Slurm says some minutes before the end of the job's time: the phase writes a checkpoint, and another job goes on from it.
      process.on('SIGUSR2', () => {
        isTimeUp = true;
        abort.abort();
      });
      const store = await openStore(options.store);
      try {
        await runTask({
          taskFile,
          runner: childProcessRunner(store),
          task: Number(process.env['SLURM_ARRAY_TASK_ID'] ?? 0),
          signal: abort.signal,
          onWarning: (message) => console.error(message),
        });
      } catch (error) {
        if (!isTimeUp) throw error;
        await requeueThisJob();
      }
    });
}
