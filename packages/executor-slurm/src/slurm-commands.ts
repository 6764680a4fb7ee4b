import { execFile } from 'node:child_process';
import { StudyError } from '@vlm/study';

/** What Slurm says of a job or of one task of an array. */
export interface SlurmState {
  /** PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL, … */
  state: string;
  node?: string;
  reason?: string;
}

/** The programs of Slurm that are used, by their own names; `SLURM_CONF` and the rest of the environment are theirs. */
export interface Slurm {
  /** @returns the job's number */
  submit(script: string, options: readonly string[]): Promise<string>;
  /** States by `123` or `123_4`; jobs that Slurm has forgotten are left out. */
  states(jobs: readonly string[]): Promise<Map<string, SlurmState>>;
  cancel(jobs: readonly string[]): Promise<void>;
}

const jobsInOneQuestion = 200;

export function slurmCommands(): Slurm {
  let hasAccounting = true;
  const forgotten = async (jobs: readonly string[]): Promise<[string, SlurmState][]> => {
    if (jobs.length === 0) return [];
    if (hasAccounting) {
      try {
        return parseSacct(
          await run('sacct', ['-n', '-P', '-X', '-o', 'JobID,State,NodeList,Reason', '-j', jobs.join(',')]),
        );
      } catch (error) {
        if (!/accounting storage is disabled/i.test((error as Error).message)) throw error;
        hasAccounting = false;
      }
    }
    // Without accounting the controller still remembers for some minutes (MinJobAge).
    const shown = jobs.map((job) => run('scontrol', ['show', 'job', '-o', job]).catch(() => ''));
    return (await Promise.all(shown)).flatMap(parseScontrol);
  };
  return {
    async submit(script, options) {
      const answer = await run('sbatch', ['--parsable', ...options], script);
      return answer.trim().split(';')[0]!;
    },
    async states(jobs) {
      const states = new Map<string, SlurmState>();
      for (let from = 0; from < jobs.length; from += jobsInOneQuestion) {
        const some = jobs.slice(from, from + jobsInOneQuestion);
        const numbers = [...new Set(some.map((job) => job.split('_')[0]!))];
        const queued = await run('squeue', [
          '-h',
          '-r',
          '-t',
          'all',
          '-o',
          '%i|%T|%N|%r',
          '-j',
          numbers.join(','),
        ]).catch((error: Error) => {
          if (/invalid job id/i.test(error.message)) return '';
          throw error;
        });
        for (const [job, state] of parseSqueue(queued)) states.set(job, state);
        const missing = some.filter((job) => !states.has(job));
        for (const [job, state] of await forgotten(missing)) if (!states.has(job)) states.set(job, state);
      }
      return states;
    },
    async cancel(jobs) {
      if (jobs.length > 0) await run('scancel', [...jobs]);
    },
  };
}

/** Lines of `squeue -o '%i|%T|%N|%r'`. */
export function parseSqueue(text: string): [string, SlurmState][] {
  return lines(text).map((line) => {
    const [job = '', state = '', node = '', reason = ''] = line.split('|');
    return [job, { state, ...(node ? { node } : {}), ...(reason && reason !== 'None' ? { reason } : {}) }];
  });
}

/** Lines of `sacct -P -o JobID,State,NodeList,Reason`. `CANCELLED by 0` is CANCELLED. */
export function parseSacct(text: string): [string, SlurmState][] {
  return lines(text).map((line) => {
    const [job = '', state = '', node = '', reason = ''] = line.split('|');
    const isKnown = (value: string): boolean => value !== '' && !/^None/i.test(value);
    return [
      job,
      {
        state: state.split(' ')[0]!,
        ...(isKnown(node) ? { node } : {}),
        ...(isKnown(reason) ? { reason } : {}),
      },
    ];
  });
}

/** Lines of `scontrol show job -o`. */
export function parseScontrol(text: string): [string, SlurmState][] {
  return lines(text).flatMap((line): [string, SlurmState][] => {
    const field = (name: string): string | undefined => new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1];
    const array = field('ArrayJobId');
    const task = field('ArrayTaskId');
    const job = array && task && /^\d+$/.test(task) ? `${array}_${task}` : field('JobId');
    const state = field('JobState');
    const node = field('NodeList');
    if (!job || !state) return [];
    return [[job, { state, ...(node && node !== '(null)' ? { node } : {}) }]];
  });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function run(program: string, argv: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, argv, { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      reject(
        new StudyError(
          'queue-unreachable',
          isMissing
            ? `The executor slurm needs Slurm's program ${program} on the PATH; run this on a machine from which jobs are submitted.`
            : `${program} failed: ${stderr.trim() || error.message}`,
          { cause: error },
        ),
      );
    });
    child.stdin?.on('error', () => {}); // The program's own message says why it did not read.
    child.stdin?.end(input ?? '');
  });
}
