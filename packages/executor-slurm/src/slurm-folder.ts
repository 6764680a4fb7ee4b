import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, type Phase, type PhaseProgress, type Study, studyVersion } from '@vlm/study';

/** What a task of Slurm is given: a study and, line by line, which phases the tasks of its array are. */
export interface TaskFile {
  version: string;
  recipe: unknown;
  phases: { phase: string; hash: string }[];
}

/** The folder that a submitter shares with the nodes: what they are to do, how far they are, what they printed. No results lie here. */
export interface SlurmFolder {
  readonly path: string;
  /** Number of the job of a phase: `123`, or `123_4` for a task of an array; by the phase's hash. */
  jobs(): Promise<Record<string, string>>;
  remember(jobs: Record<string, string>): Promise<void>;
  /** Writes what an array is to do. @returns the file */
  writeTasks(study: Study, phases: readonly Phase[]): Promise<string>;
  progress(phase: Phase): Promise<TaskProgress | undefined>;
  /** What the job of a phase printed. */
  output(job: string): Promise<string>;
}

export interface TaskProgress extends PhaseProgress {
  host: string;
  /** What the node is, in a line. */
  machine: string;
}

export async function openSlurmFolder(path: string): Promise<SlurmFolder> {
  await mkdir(join(path, 'tasks'), { recursive: true });
  await mkdir(join(path, 'output'), { recursive: true });
  await mkdir(join(path, 'progress'), { recursive: true });
  const jobsFile = join(path, 'jobs.json');
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const jobs = async (): Promise<Record<string, string>> => JSON.parse((await read(jobsFile)) || '{}');
  return {
    path,
    jobs,
    async remember(more) {
      await writeBeside(jobsFile, JSON.stringify({ ...(await jobs()), ...more }, null, 2));
    },
    async writeTasks(study, phases) {
      const tasks: TaskFile = {
        version: studyVersion,
        recipe: study.recipe,
        phases: phases.map(({ id, hash }) => ({ phase: id, hash })),
      };
      const file = join(path, 'tasks', `${identityOf(tasks)}.json`);
      await writeBeside(file, JSON.stringify(tasks, null, 2));
      return file;
    },
    async progress(phase) {
      const text = await read(progressFile(path, phase));
      return text === '' ? undefined : (JSON.parse(text) as TaskProgress);
    },
    output: (job) => read(join(path, 'output', `${job}.txt`)),
  };
}

/** Where a task writes how far it is; read by whoever asks for the status. */
export function progressFile(folder: string, { kind, hash }: Pick<Phase, 'kind' | 'hash'>): string {
  return join(folder, 'progress', `${kind}-${hash}.json`);
}

/** Readers see the old file or the whole new one. */
export async function writeBeside(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}
