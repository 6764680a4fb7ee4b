import { setTimeout as sleep } from 'node:timers/promises';
import {
  neededPhases,
  type Phase,
  type PhaseRecord,
  type PhaseStatus,
  type RunOptions,
  type Store,
  type Study,
  StudyError,
} from '@vlm/study';

/** What Slurm and the store say of a study at one moment. */
export interface Look {
  statuses: PhaseStatus[];
  /** Ids of phases with a job that has not ended: running, queued, or waiting for others. */
  alive: ReadonlySet<string>;
  /** Ids of phases whose job Slurm took away: preempted, or its node failed, without a place in the queue again. */
  lost: ReadonlySet<string>;
  /** False once somebody cancelled the study: what other studies need goes on, but nobody waits for it here. */
  isWanted: boolean;
}

/** Jobs that are taken away are submitted again so often without a phase that ends in between. */
const mostSubmissions = 10;

export interface FollowTiming {
  /** How often Slurm is asked. */
  pollMs: number;
  /** How long Slurm may fail to answer. */
  patienceMs: number;
}

/**
 * Follows submitted jobs by asking again and again, until every needed phase is in the store or nothing more can run. Jobs that Slurm took away
 * are submitted again. A controller that is busy or restarts fails to answer now and then: that is waited out, with a warning.
 *
 * @param finished records of the phases that were done before anything was submitted
 * @throws StudyError `queue-unreachable` when Slurm did not answer for as long as it may
 */
export async function followJobs(
  study: Study,
  store: Store,
  finished: ReadonlyMap<string, PhaseRecord>,
  jobs: { look(study: Study): Promise<Look>; submit(study: Study): Promise<void> },
  { onEvent = () => {}, signal }: RunOptions,
  { pollMs, patienceMs }: FollowTiming,
): Promise<Map<string, PhaseRecord>> {
  const records = new Map<string, PhaseRecord>();
  const started = new Set<Phase>();
  const failed = new Map<Phase, Error>();
  let submissions = 0;
  /** @returns whether nothing is left to do */
  const compare = async (): Promise<boolean> => {
    const { statuses, alive, lost, isWanted } = await jobs.look(study);
    for (const { phase, state, record, host, progress, error } of statuses) {
      if (record && !records.has(phase.id)) {
        records.set(phase.id, record);
        failed.delete(phase);
        submissions = 0;
        onEvent({ type: finished.has(phase.id) ? 'phase-skipped' : 'phase-finished', phase, record });
      }
      if (state === 'running') {
        if (!started.has(phase)) onEvent({ type: 'phase-started', phase, ...(host ? { host } : {}) });
        started.add(phase);
        if (progress) onEvent({ type: 'phase-progress', phase, progress });
      }
      if (state === 'failed' && !failed.has(phase)) {
        const problem = new StudyError('phase-failed', `Phase ${phase.id} failed: ${error}`);
        failed.set(phase, problem);
        onEvent({ type: 'phase-failed', phase, error: problem });
      }
    }
    const needed = neededPhases(study, records);
    if (needed.length === 0) return true;
    if (!isWanted) throw cancelled();
    if (!needed.some(({ id }) => alive.has(id))) {
      const isLost = failed.size === 0 && needed.some(({ id }) => lost.has(id));
      if (isLost && submissions++ < mostSubmissions) await jobs.submit(study);
      else await explainEnd(needed, failed, store);
    }
    return false;
  };
  let answeredMs = performance.now();
  let isSilent = false;
  for (;;) {
    try {
      if (await compare()) return records;
      answeredMs = performance.now();
      isSilent = false;
    } catch (error) {
      if (!StudyError.isInstance(error) || error.code !== 'queue-unreachable') throw error;
      const silentMs = performance.now() - answeredMs;
      if (silentMs > patienceMs) throw silence(error, silentMs);
      const [phase] = neededPhases(study, records);
      if (phase && !isSilent) onEvent({ type: 'phase-warning', phase, message: `${error.message} Asking again.` });
      isSilent = true;
    }
    try {
      await sleep(pollMs, undefined, signal ? { signal } : {});
    } catch {
      throw new StudyError(
        'interrupted',
        'Following ended; Slurm goes on. Run the same command again to follow, or `npx staged-vlm study cancel` to stop it.',
      );
    }
  }
}

function silence(error: StudyError, silentMs: number): StudyError {
  const minutes = Math.round(silentMs / 60_000);
  return new StudyError(
    'queue-unreachable',
    `Expected an answer of Slurm, got none for ${minutes} min; what was submitted goes on. When squeue answers on this machine, run the same command again to follow. Last: ${error.message}`,
    { cause: error },
  );
}

/** Throws, unless a record came between two questions. */
async function explainEnd(needed: readonly Phase[], failed: ReadonlyMap<Phase, Error>, store: Store): Promise<void> {
  for (const phase of needed) if (await store.record(phase)) return;
  const [problem] = failed.values();
  throw problem ?? cancelled();
}

function cancelled(): StudyError {
  return new StudyError('cancelled', 'The study was cancelled. Run the same command again to go on from here.');
}
