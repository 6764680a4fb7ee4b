import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import {
  checkSubmitter,
  describeHardware,
  hardwareText,
  type PhaseProgress,
  type PhaseRecord,
  type PhaseRunner,
  phaseOfStudy,
  StudyError,
  studyOfRecipe,
} from '@vlm/study';
import { progressFile, type TaskFile, type TaskProgress, writeBeside } from './slurm-folder.ts';

export interface TaskOptions {
  /** As the submitter wrote it. */
  taskFile: string;
  runner: PhaseRunner;
  /** Of the array, from 0; `SLURM_ARRAY_TASK_ID`. */
  task: number;
  signal: AbortSignal;
  onWarning(message: string): void;
}

const progressIntervalMs = 2000;

/**
 * Does what one task of a job is there for: checks the phase against its recipe and runs it. What a node runs beneath `sbatch`.
 *
 * @throws StudyError `version-mismatch`, `bad-recipe`, `job-refused`, or whatever the phase ended with
 */
export async function runTask({ taskFile, runner, task, signal, onWarning }: TaskOptions): Promise<PhaseRecord> {
  const { version, recipe, phases } = JSON.parse(await readFile(taskFile, 'utf8')) as TaskFile;
  checkSubmitter(version, hostname());
  const study = studyOfRecipe(recipe);
  const asked = phases[task];
  if (!asked) {
    throw new StudyError('job-refused', `Expected a task from 0 to ${phases.length - 1} of ${taskFile}, got ${task}.`);
  }
  const phase = phaseOfStudy(study, asked);
  const machine = hardwareText(await describeHardware());
  const file = progressFile(dirname(dirname(taskFile)), phase);
  let lastMs = Number.NEGATIVE_INFINITY;
  const report = async (progress: PhaseProgress): Promise<void> => {
    if (Date.now() - lastMs < progressIntervalMs) return;
    lastMs = Date.now();
    const told: TaskProgress = { ...progress, host: hostname(), machine };
    await writeBeside(file, JSON.stringify(told)).catch(() => {}); // It is only a display.
  };
  await report({ fraction: 0 });
  return runner.run(phase, study, { signal, onWarning, onProgress: (progress) => void report(progress) });
}

/**
 * Puts the job of this process back into the queue, for when its time is nearly up: its phase has written a checkpoint and goes on from it.
 */
export function requeueThisJob(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: task, SLURM_JOB_ID: job } = environment;
  const name = array !== undefined && task !== undefined ? `${array}_${task}` : job;
  return new Promise((resolve, reject) => {
    if (name === undefined) return reject(new StudyError('bad-option', 'This process is no job of Slurm.'));
    execFile('scontrol', ['requeue', name], (error) => (error ? reject(error) : resolve()));
  });
}
