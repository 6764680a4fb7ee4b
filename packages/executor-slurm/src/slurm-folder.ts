import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, type Phase, type PhaseProgress, type Study, studyVersion, takeFolder } from '@vlm/study';

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
  /**
   * One process at a time submits or cancels, whatever machine it is on: two that found the same phase without a job would both submit one.
   *
   * @param action is told when this process lost its turn, because it stood still for long
   */
  inTurn<Result>(action: (signal: AbortSignal) => Promise<Result>): Promise<Result>;
  /** Says that somebody wants a study done, or no longer. */
  setWanted(study: Study, isWanted: boolean): Promise<void>;
  isWanted(study: Study): Promise<boolean>;
  /** Hashes of the phases of all other studies that are wanted. */
  wantedElsewhere(study: Study): Promise<Set<string>>;
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
  const jobsFolder = join(path, 'jobs');
  const wantedFolder = join(path, 'wanted');
  await mkdir(jobsFolder, { recursive: true });
  await mkdir(wantedFolder, { recursive: true });
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const wantedFile = ({ recipe }: Study): string => `${identityOf(recipe)}.json`;
  const submissions = new Map<string, Record<string, string>>();
  return {
    path,
    // A file for each submission that is never written again: a client of a file server sees new names at once, and new content of old names late.
    async jobs() {
      const names = await jsonFiles(jobsFolder);
      for (const name of names) {
        if (!submissions.has(name)) submissions.set(name, JSON.parse(await readFile(join(jobsFolder, name), 'utf8')));
      }
      return Object.assign({}, ...names.map((name) => submissions.get(name)));
    },
    async remember(jobs) {
      const name = `${String(Date.now()).padStart(15, '0')}-${randomBytes(4).toString('hex')}.json`;
      await writeBeside(join(jobsFolder, name), JSON.stringify(jobs, null, 2));
    },
    async inTurn(action) {
      const turn = await takeFolder(join(path, 'turns'));
      try {
        return await action(turn.signal);
      } finally {
        await turn.release();
      }
    },
    async setWanted(study, isWanted) {
      const file = join(wantedFolder, wantedFile(study));
      if (isWanted) await writeBeside(file, JSON.stringify(study.phases.map(({ hash }) => hash)));
      else await rm(file, { force: true });
    },
    isWanted: async (study) => (await jsonFiles(wantedFolder)).includes(wantedFile(study)),
    async wantedElsewhere(study) {
      const others = (await jsonFiles(wantedFolder)).filter((name) => name !== wantedFile(study));
      const lists = await Promise.all(others.map((name) => read(join(wantedFolder, name))));
      return new Set(lists.flatMap((text) => JSON.parse(text || '[]') as string[]));
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

/** In the order of their names. */
async function jsonFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
}

/** Readers see the old file or the whole new one. */
export async function writeBeside(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}
