import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Executor,
  finishedRecords,
  neededPhases,
  type Phase,
  type PhaseStatus,
  prerequisites,
  type RunOptions,
  readPhaseLog,
  type Store,
  type Study,
  StudyError,
} from '@vlm/study';
import { followJobs, type Look } from './follow-jobs.ts';
import { type PlannedJob, planJobs } from './plan-jobs.ts';
import { type Slurm, type SlurmState, slurmCommands } from './slurm-commands.ts';
import { openSlurmFolder, type SlurmFolder } from './slurm-folder.ts';

export interface SlurmExecutorOptions {
  store: Store;
  /** Folder that submitter and nodes share; holds what they are to do and what they print. Default: `slurm` in a store that is a folder. */
  folder?: string;
  /** What runs a task on a node: the words of a command; the task file is added to them. */
  command: readonly string[];
  /** Options of sbatch for a kind of phase, such as `['--gres=gpu:1', '--time=12:00:00']`. */
  options?(kind: Phase['kind']): readonly string[];
  /** Longest array that the cluster takes (its MaxArraySize less one). Default 1000. */
  largestArray?: number;
  /** How often Slurm is asked. Default 5000 ms. */
  pollMs?: number;
  /** How long following goes on, with a warning, while Slurm does not answer. Default ten minutes. */
  patienceMs?: number;
  slurm?: Slurm;
}

/** Seconds before a job's time is up at which it is told, so that its phase writes a checkpoint and the job goes back to the queue. */
const noticeSeconds = 120;
/** What squeue and sacct call a job that waits. */
const queuedStates = new Set([
  'PENDING',
  'CONFIGURING',
  'SUSPENDED',
  'REQUEUED',
  'REQUEUE_FED',
  'REQUEUE_HOLD',
  'RESV_DEL_HOLD',
  'SPECIAL_EXIT',
]);
/** And one that waits or runs, in any version; one in another state, also a new one, has ended. */
const aliveStates = new Set([
  ...queuedStates,
  'RUNNING',
  'COMPLETING',
  'STAGE_OUT',
  'STOPPED',
  'SIGNALING',
  'RESIZING',
  'EXPEDITING',
  'POWER_UP_NODE',
]);
/** Ended by no fault of the phase, and by nobody's wish: it waits, and is submitted again. */
const lostStates = new Set(['PREEMPTED', 'NODE_FAIL', 'REVOKED']);

/**
 * Runs studies as jobs of Slurm. Slurm alone knows about order: all is submitted at once, with dependencies.
 *
 * @throws StudyError `bad-option` where the store is no folder and none is given for submitter and nodes to meet in
 */
export async function slurmExecutor(given: SlurmExecutorOptions): Promise<Executor> {
  const { store, pollMs = 5000, patienceMs = 600_000, slurm = slurmCommands() } = given;
  const folder = await openSlurmFolder(given.folder ?? folderInStore(store));

  const states = async (phases: readonly Phase[]): Promise<Map<Phase, { job: string; state: SlurmState }>> => {
    const jobs = await folder.jobs();
    const known = phases.filter(({ hash }) => jobs[hash] !== undefined);
    const told = await slurm.states(known.map(({ hash }) => jobs[hash]!));
    return new Map(
      known.map((phase) => {
        const job = jobs[phase.hash]!;
        // What Slurm has forgotten ended long ago.
        return [phase, { job, state: told.get(job) ?? { state: 'FORGOTTEN' } }];
      }),
    );
  };
  const isAlive = (found: { state: SlurmState } | undefined): boolean =>
    found !== undefined && aliveStates.has(found.state.state);
  /** What the store and Slurm say. A job may end while Slurm is asked: of one that has, the record is looked for again, as it is there by then. */
  const ask = async (study: Study) => {
    const records = await finishedRecords(study.phases, store);
    const found = await states(study.phases.filter(({ id }) => !records.has(id)));
    const ended = [...found].flatMap(([phase, job]) => (isAlive(job) ? [] : [phase]));
    for (const [id, record] of await finishedRecords(ended, store)) records.set(id, record);
    return { records, found };
  };

  /** @param again ids of failed phases: only they and what waits for them are submitted. Default: all that is needed */
  const submit = (study: Study, again?: ReadonlySet<string>): Promise<void> =>
    folder.inTurn(async (turn) => {
      await folder.setWanted(study, true);
      const { records, found } = await ask(study);
      const needed = neededPhases(study, records);
      const alive = new Map([...found].flatMap(([{ hash }, job]) => (isAlive(job) ? [[hash, job.job] as const] : [])));
      const isAtWork = ({ hash }: Phase): boolean => alive.has(hash);
      const there = new Set([...records.keys(), ...needed.filter(isAtWork).map(({ id }) => id)]);
      const missing = needed.filter(({ id }) => !there.has(id));
      const chosen = again ? withFollowers(missing, again, there) : missing;
      const numbers = new Map<string, string>();
      for (const job of planJobs(chosen, given.largestArray)) {
        turn.throwIfAborted();
        await submitJob(given, folder, slurm, study, job, dependency(job, needed, alive, numbers), numbers);
      }
    });
  const look = async (study: Study): Promise<Look> => {
    const { records, found } = await ask(study);
    const statuses = study.phases.map(async (phase): Promise<PhaseStatus> => {
      const record = records.get(phase.id);
      if (record) return { phase, state: 'done', record, ...(record.hardware ? { host: record.hardware.host } : {}) };
      return unfinishedStatus(phase, found.get(phase), folder);
    });
    const alive = [...found].filter(([, job]) => isAlive(job)).map(([{ id }]) => id);
    const lost = [...found].filter(([, { state }]) => lostStates.has(state.state)).map(([{ id }]) => id);
    const isWanted = await folder.isWanted(study);
    return { statuses: await Promise.all(statuses), alive: new Set(alive), lost: new Set(lost), isWanted };
  };
  const status = async (study: Study): Promise<PhaseStatus[]> => (await look(study)).statuses;
  const retryable = async (study: Study, phaseId?: string): Promise<string[]> =>
    (await status(study))
      .filter(({ state, phase }) => state === 'failed' && (phaseId === undefined || phase.id === phaseId))
      .map(({ phase }) => phase.id);

  return {
    name: 'slurm',
    async run(study, options: RunOptions) {
      const finished = await finishedRecords(study.phases, store);
      await submit(study);
      return followJobs(study, store, finished, { look, submit }, options, { pollMs, patienceMs });
    },
    submit: (study) => submit(study),
    status,
    cancel: (study) =>
      folder.inTurn(async () => {
        await folder.setWanted(study, false);
        const { found } = await ask(study);
        const alive = study.phases.filter((phase) => isAlive(found.get(phase)));
        const kept = neededBy(alive, await folder.wantedElsewhere(study));
        const ours = alive.filter(({ id }) => !kept.has(id));
        await slurm.cancel(ours.map((phase) => found.get(phase)!.job));
        for (let tries = 0; tries < 60; tries++) {
          const now = await states(ours);
          if (![...now.values()].some((job) => isAlive(job))) break;
          await sleep(500);
        }
        return ours.length > 0;
      }),
    async retry(study, phaseId) {
      const failed = await retryable(study, phaseId);
      if (failed.length > 0) await submit(study, new Set(failed));
      return failed;
    },
    async log(phase) {
      const found = (await states([phase])).get(phase);
      const [stored, printed] = await Promise.all([readPhaseLog(store, phase), found ? folder.output(found.job) : '']);
      return stored + printed + (found ? jobLine(found) : '');
    },
    async close() {},
  };
}

/** A store elsewhere has a local folder too, but that is a cache of this machine alone. */
function folderInStore({ location, directory }: Store): string {
  if (location === directory) return join(directory, 'slurm');
  throw new StudyError(
    'bad-option',
    `Expected a folder that this machine and the nodes share, beside the store ${location}, got none: jobs find there what they are to do. Name one with --slurm-folder, the same for every command.`,
  );
}

async function submitJob(
  { command, options, store }: SlurmExecutorOptions,
  folder: SlurmFolder,
  slurm: Slurm,
  study: Study,
  job: PlannedJob,
  after: readonly string[],
  numbers: Map<string, string>,
): Promise<void> {
  const taskFile = await folder.writeTasks(study, job.phases);
  const isArray = job.phases.length > 1;
  const words = [...command, '--store', store.location, taskFile].map(quoted).join(' ');
  const number = await slurm.submit(`#!/bin/sh\nexec ${words}\n`, [
    `--job-name=vlm-${study.recipe.name}-${job.kind}`,
    `--output=${join(folder.path, 'output', isArray ? '%A_%a.txt' : '%j.txt')}`,
    '--open-mode=append',
    '--requeue',
    '--kill-on-invalid-dep=yes',
    `--signal=B:USR2@${noticeSeconds}`,
    ...(isArray ? [`--array=0-${job.phases.length - 1}`] : []),
    ...after,
    ...(options?.(job.kind) ?? []),
  ]);
  const jobs = Object.fromEntries(job.phases.map(({ hash }, i) => [hash, isArray ? `${number}_${i}` : number]));
  for (const [hash, name] of Object.entries(jobs)) numbers.set(hash, name);
  await folder.remember(jobs);
}

/**
 * What a job waits for: of this submission what its plan says, and of jobs that were submitted before, for this study or another, all that its
 * phases need.
 *
 * @param alive numbers of those before, and `numbers` of those of this submission, by hash
 */
function dependency(
  { phases, after }: PlannedJob,
  needed: readonly Phase[],
  alive: ReadonlyMap<string, string>,
  numbers: ReadonlyMap<string, string>,
): string[] {
  const own = new Set(phases.flatMap(prerequisites));
  const earlier = needed.flatMap(({ id, hash }) => (own.has(id) && alive.has(hash) ? [alive.get(hash)!] : []));
  const planned = after.how === 'all' ? after.phases.map(({ hash }) => numbers.get(hash)!) : [];
  const before = new Set([...planned, ...earlier]);
  const conditions = [
    ...(after.how === 'each' ? [`aftercorr:${numbers.get(after.job.phases[0]!.hash)!.split('_')[0]}`] : []),
    ...(before.size > 0 ? [`afterok:${[...before].join(':')}`] : []),
  ];
  return conditions.length > 0 ? [`--dependency=${conditions.join(',')}`] : [];
}

/**
 * The phases with these ids and those that wait for them, without those that also wait for something that nobody is at.
 *
 * @param missing each after all that it needs
 * @param there ids of phases that are done or under way
 */
function withFollowers(missing: readonly Phase[], ids: ReadonlySet<string>, there: ReadonlySet<string>): Phase[] {
  const chosen = new Set<string>();
  return missing.filter((phase) => {
    const before = prerequisites(phase);
    const isAsked = ids.has(phase.id) || before.some((id) => chosen.has(id));
    if (!isAsked || !before.every((id) => there.has(id) || chosen.has(id))) return false;
    chosen.add(phase.id);
    return true;
  });
}

/** Ids of phases with one of these hashes, and of those that their jobs wait for. @param phases each after all that it needs */
function neededBy(phases: readonly Phase[], hashes: ReadonlySet<string>): Set<string> {
  const kept = new Set<string>();
  for (const phase of [...phases].reverse()) {
    if (!hashes.has(phase.hash) && !kept.has(phase.id)) continue;
    for (const id of [phase.id, ...prerequisites(phase)]) kept.add(id);
  }
  return kept;
}

async function unfinishedStatus(
  phase: Phase,
  found: { job: string; state: SlurmState } | undefined,
  folder: SlurmFolder,
): Promise<PhaseStatus> {
  if (!found) return { phase, state: 'waiting' };
  const { state, node, reason } = found.state;
  if (queuedStates.has(state)) {
    return { phase, state: reason === undefined || /dependency/i.test(reason) ? 'waiting' : 'queued' };
  }
  if (aliveStates.has(state)) {
    const { host, machine, ...progress } = (await folder.progress(phase)) ?? { fraction: 0 };
    const at = node ?? host;
    return { phase, state: 'running', progress, ...(at ? { host: at } : {}), ...(machine ? { machine } : {}) };
  }
  if (state === 'CANCELLED' || state === 'FORGOTTEN' || lostStates.has(state)) return { phase, state: 'waiting' };
  const printed = (await folder.output(found.job)).trim().split('\n').at(-1);
  return {
    phase,
    state: 'failed',
    failures: 1,
    error: `Slurm's job ${found.job} ended with ${state}${printed ? `: ${printed}` : ''}`,
    ...(node ? { host: node } : {}),
  };
}

/** What Slurm says of a job: of one that was killed, often nobody else says anything. */
function jobLine({ job, state: { state, node, reason } }: { job: string; state: SlurmState }): string {
  return `Slurm's job ${job}: ${[state, node && `on ${node}`, reason && `(${reason})`].filter(Boolean).join(' ')}\n`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
