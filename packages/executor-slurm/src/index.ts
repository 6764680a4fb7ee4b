export { type PlannedJob, planJobs } from './plan-jobs.ts';
export { requeueThisJob, runTask, type TaskOptions } from './run-task.ts';
export { type Slurm, type SlurmState, slurmCommands } from './slurm-commands.ts';
export { type SlurmExecutorOptions, slurmExecutor } from './slurm-executor.ts';
